/**
 * The span of one attempt. Internal to `Pipeline`.
 *
 * The names `circuitbreaker.state` and `retry.attempt` come from a proposal of OpenTelemetry.
 */

import { Effect, type Fiber } from "effect"
import type { CircuitTag } from "../ResilienceEvent.ts"

const spanState: Readonly<Record<CircuitTag, string>> = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half_open",
  Isolated: "isolated",
  ForcedClosed: "forced_closed"
}

/** Runs an attempt in a child span of the fiber's span. Without tracing it has no cost. */
export const inAttemptSpan = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  fiber: Fiber.Fiber<unknown, unknown>,
  pipeline: string,
  attempt: number,
  circuit: CircuitTag | undefined
): Effect.Effect<A, E, R> => {
  const { span, tracerEnabled } = fiber.cache
  if (span === undefined || !span.sampled || !tracerEnabled) return self
  const options = {
    attributes: {
      "kubernaut.pipeline": pipeline,
      "retry.attempt": attempt,
      ...(circuit === undefined ? undefined : { "circuitbreaker.state": spanState[circuit] })
    },
    captureStackTrace: false
  }
  // `withSpan` removes the parent span from `R`. The fiber has one, as checked above.
  // @effect-diagnostics-next-line unsafeEffectTypeAssertion:off
  return Effect.withSpan(self as Effect.Effect<A, E>, "attempt", options)
}
