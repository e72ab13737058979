/**
 * The span of one attempt. Internal to `Pipeline`.
 *
 * The names `circuitbreaker.state` and `retry.attempt` come from a proposal of OpenTelemetry; `error.type` is one of
 * its conventions.
 */

import { Cause, Effect, Exit, type Fiber, Predicate } from "effect"
import type { CircuitTag } from "../ResilienceEvent.ts"
import { CurrentRead, inFoldedSpan } from "./FoldedAttempts.ts"

const spanState: Readonly<Record<CircuitTag, string>> = {
  Closed: "closed",
  Open: "open",
  HalfOpen: "half_open",
  Isolated: "isolated",
  ForcedClosed: "forced_closed",
  Suspended: "suspended"
}

const tagOf = (value: unknown): string | undefined =>
  Predicate.hasProperty(value, "_tag") && typeof value._tag === "string" ? value._tag : undefined

/** The kind of the error by which an attempt failed; `undefined` if it succeeded. */
const errorTypeOf = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "defect"
  const { error } = failure
  return (Predicate.hasProperty(error, "reason") ? tagOf(error.reason) : undefined) ?? tagOf(error) ?? "failure"
}

/** What the span of an attempt tells when it has ended. */
const endingOf = (exit: Exit.Exit<unknown, unknown>): Readonly<Record<string, unknown>> => {
  const errorType = errorTypeOf(exit)
  return errorType === undefined ? {} : { "error.type": errorType }
}

/** Runs an attempt in a child span of the fiber's span, unless it is folded. Without tracing it has no cost. */
export const inAttemptSpan = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  fiber: Fiber.Fiber<unknown, unknown>,
  pipeline: string,
  attempt: number,
  circuit: CircuitTag | undefined
): Effect.Effect<A, E, R> => {
  const { span, tracerEnabled } = fiber.cache
  if (span === undefined || !span.sampled || !tracerEnabled) return self
  const read = fiber.getRef(CurrentRead)
  const attributes = {
    "kubernaut.pipeline": pipeline,
    "retry.attempt": attempt,
    ...(read === undefined ? undefined : { "kubernaut.request": read }),
    ...(circuit === undefined ? undefined : { "circuitbreaker.state": spanState[circuit] })
  }
  if (read !== undefined && span._tag === "Span") {
    const attributesOf = (exit: Exit.Exit<A, E>) => ({ ...attributes, ...endingOf(exit) })
    return inFoldedSpan(self, fiber, span, attributesOf, attempt > 1)
  }
  const options = { attributes, captureStackTrace: false }
  const told = Effect.onExit(self, (exit) => Effect.annotateCurrentSpan(endingOf(exit)))
  // `withSpan` removes the parent span from `R`. The fiber has one, as checked above.
  // @effect-diagnostics-next-line unsafeEffectTypeAssertion:off
  return Effect.withSpan(told as Effect.Effect<A, E>, "attempt", options)
}
