/**
 * The span of one attempt of a pipeline's call. Internal to `Pipeline`.
 *
 * `circuitbreaker.state` and `retry.attempt` are the names of OpenTelemetry's own proposal for such attributes.
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

/** Gives an attempt a span of its own below the fiber's, and costs nothing where nobody traces. */
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
  // What `withSpan` takes out of `R`, the parent's span, is there: we are below one.
  // @effect-diagnostics-next-line unsafeEffectTypeAssertion:off
  return Effect.withSpan(self as Effect.Effect<A, E>, "attempt", options)
}
