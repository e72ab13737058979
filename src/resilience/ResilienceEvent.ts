/**
 * The events of pipelines, breakers and supervisors, all on one hub.
 *
 * **When to use**
 *
 * For metrics, traces, audit logs and status pages: the resilience parts themselves count nothing. `EventHub` explains
 * the ways to listen. Without listeners no event is allocated.
 *
 * **Gotchas**
 *
 * `ResilienceEvents` is a reference with a process-wide default, so a pipeline works without any layer. Pipelines,
 * breakers and supervisors use the hub in the context in which they are **made**. Provide `layer` to them to separate
 * two services in one process.
 *
 * **Example** (listen to the transitions of a breaker)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { CircuitBreaker, ResilienceEvent } from "kubernaut/resilience"
 *
 * const seen: Array<string> = []
 *
 * const program = Effect.gen(function* () {
 *   const hub = yield* ResilienceEvent.ResilienceEvents
 *   yield* hub.listen((event) => void seen.push(event._tag))
 *   const breaker = yield* CircuitBreaker.make("peer")
 *   yield* breaker.isolate("1 minute", "maintenance")
 * })
 *
 * await Effect.runPromise(Effect.provide(Effect.scoped(program), ResilienceEvent.layer))
 * seen // => ["BreakerTransition"]
 * ```
 */

import { Context, Layer, Schema } from "effect"
import { type EventHub, make as makeEventHub } from "./EventHub.ts"

/** The tags of the states of a circuit breaker. See `CircuitBreaker`. */
export const CircuitTag = Schema.Literals(["Closed", "Open", "HalfOpen", "Isolated", "ForcedClosed", "Suspended"])
export type CircuitTag = typeof CircuitTag.Type

/**
 * Why a circuit changed its state. `consecutive-failures`, `failure-rate` and `slow-calls` open a closed circuit;
 * `probe-failed` and `probes-succeeded` end a half-open one; `elapsed` is the expiry of the open time, of an isolation
 * or of a forced closing; `operator` is a manual override. `tripped`: calls have shown that the peer is of no use,
 * although they did not fail. `suspended`: a call has shown that nobody is served until somebody changes something, and
 * `trial-failed` and `trial-succeeded` end the one call that tries it after a while.
 */
export const TransitionCause = Schema.Literals([
  "consecutive-failures",
  "failure-rate",
  "slow-calls",
  "probe-failed",
  "probes-succeeded",
  "elapsed",
  "operator",
  "tripped",
  "suspended",
  "trial-failed",
  "trial-succeeded"
])
export type TransitionCause = typeof TransitionCause.Type

/** A call succeeded. `durationMs` covers all attempts and waits. */
export const CallSucceeded = Schema.TaggedStruct("CallSucceeded", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite
})

/** A call failed after its last attempt. `reason` says how that attempt ended. */
export const CallFailed = Schema.TaggedStruct("CallFailed", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite,
  reason: Schema.Literals(["error", "attempt-timeout", "deadline", "defect"])
})

/** A call ended in a way that says nothing about the peer: an invalid request or an interruption. */
export const CallIgnored = Schema.TaggedStruct("CallIgnored", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite,
  reason: Schema.Literals(["error", "interrupted"])
})

/** A call was rejected without another attempt. `attempts` counts the attempts that reached the peer. */
export const CallRejected = Schema.TaggedStruct("CallRejected", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite,
  reason: Schema.Literals(["circuit-open", "bulkhead-full", "deadline"])
})

/** Attempt number `attempt` (2 for the first retry) starts after `delayMs`. */
export const AttemptRetried = Schema.TaggedStruct("AttemptRetried", {
  pipeline: Schema.String,
  attempt: Schema.Int,
  delayMs: Schema.Finite
})

/**
 * A retry was not allowed, and the caller gets the error of the previous attempt. `deadline`: the back-off would have
 * ended after the deadline; `circuit-open`: the circuit has opened; `budget`: the retry budget was empty;
 * `retry-after`: the peer wants a longer wait than the policy allows.
 */
export const RetryRefused = Schema.TaggedStruct("RetryRefused", {
  pipeline: Schema.String,
  attempt: Schema.Int,
  cause: Schema.Literals(["budget", "circuit-open", "deadline", "retry-after"])
})

/**
 * A circuit breaker changed its state. `reason` is that of the operator who overrode it, or the code of a suspension or
 * a trip.
 */
export const BreakerTransition = Schema.TaggedStruct("BreakerTransition", {
  breaker: Schema.String,
  from: CircuitTag,
  to: CircuitTag,
  cause: TransitionCause,
  generation: Schema.Int,
  reason: Schema.optionalKey(Schema.String)
})

/** A supervised child ended and restarts after `delayMs`. `sibling`: it depends on a child that ended. */
export const ChildRestarted = Schema.TaggedStruct("ChildRestarted", {
  supervisor: Schema.String,
  child: Schema.String,
  restarts: Schema.Int,
  delayMs: Schema.Finite,
  reason: Schema.Literals(["completed", "failed", "died", "sibling"])
})

/** A supervised child ended and is not restarted, because of its kind. */
export const ChildEnded = Schema.TaggedStruct("ChildEnded", {
  supervisor: Schema.String,
  child: Schema.String,
  reason: Schema.Literals(["completed", "failed", "died"])
})

/** A child ended again after `maxRestarts` restarts in `periodMs` and stays down. The others continue. */
export const ChildEscalated = Schema.TaggedStruct("ChildEscalated", {
  supervisor: Schema.String,
  child: Schema.String,
  maxRestarts: Schema.Int,
  periodMs: Schema.Finite
})

/** Any event of this module. Match on `_tag`. */
export const ResilienceEvent = Schema.Union([
  CallSucceeded,
  CallFailed,
  CallIgnored,
  CallRejected,
  AttemptRetried,
  RetryRefused,
  BreakerTransition,
  ChildRestarted,
  ChildEnded,
  ChildEscalated
])
export type ResilienceEvent = typeof ResilienceEvent.Type

/** The hub in the context; a process-wide one where none is provided. */
export const ResilienceEvents: Context.Reference<EventHub<ResilienceEvent>> = Context.Reference(
  "kubernaut/resilience/ResilienceEvent/ResilienceEvents",
  { defaultValue: () => makeEventHub<ResilienceEvent>() }
)

/** A separate hub for everything that is made with this layer. */
export const layer: Layer.Layer<never> = Layer.sync(ResilienceEvents, () => makeEventHub<ResilienceEvent>())
