/**
 * Everything the resilience core does that an operator may want to know, as typed events on one stream.
 *
 * **When to use**
 *
 * Metrics, traces, the audit log and the status page subscribe here; nothing in `resilience` counts by itself. See
 * `EventHub` for which way of listening suits what. When nobody listens no event object is even made.
 *
 * **Gotchas**
 *
 * `ResilienceEvents` is a reference with a process-wide default, so a pipeline works with no layer at all. Pipelines,
 * breakers and supervisors take the hub that is in the context where they are **made**; provide
 * `ResilienceEvents.layer` below them to keep two services in one process apart.
 */

import { Context, Layer, Schema } from "effect"
import { type EventHub, make as makeEventHub } from "./EventHub.ts"

/** The states of a circuit breaker, by tag. See `CircuitBreaker`. */
export const CircuitTag = Schema.Literals(["Closed", "Open", "HalfOpen", "Isolated", "ForcedClosed"])
export type CircuitTag = typeof CircuitTag.Type

/**
 * Why a circuit changed its state. `consecutive-failures`, `failure-rate` and `slow-calls` are the three trips;
 * `probe-failed` and `probes-succeeded` end a half-open circuit; `elapsed` is the end of the open time, of an isolation
 * or of a forced closing; `operator` is a person.
 */
export const TransitionCause = Schema.Literals([
  "consecutive-failures",
  "failure-rate",
  "slow-calls",
  "probe-failed",
  "probes-succeeded",
  "elapsed",
  "operator"
])
export type TransitionCause = typeof TransitionCause.Type

/** A call came back with a value. `durationMs` covers all attempts and waits. */
export const CallSucceeded = Schema.TaggedStruct("CallSucceeded", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite
})

/** A call failed for good. `reason` says what its last attempt ended with. */
export const CallFailed = Schema.TaggedStruct("CallFailed", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite,
  reason: Schema.Literals(["error", "attempt-timeout", "deadline", "defect"])
})

/** A call ended in a way that says nothing about the peer: a bad request of ours, or an interruption. */
export const CallIgnored = Schema.TaggedStruct("CallIgnored", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite,
  reason: Schema.Literals(["error", "interrupted"])
})

/** A call was turned away before the peer was asked (again). `attempts` counts those that did reach it. */
export const CallRejected = Schema.TaggedStruct("CallRejected", {
  pipeline: Schema.String,
  attempts: Schema.Int,
  durationMs: Schema.Finite,
  reason: Schema.Literals(["circuit-open", "bulkhead-full", "deadline"])
})

/** Attempt number `attempt` (2 for the first retry) begins after `delayMs`. */
export const AttemptRetried = Schema.TaggedStruct("AttemptRetried", {
  pipeline: Schema.String,
  attempt: Schema.Int,
  delayMs: Schema.Finite
})

/**
 * A retry was due and was not made. The caller gets the error of the attempt before it. `deadline`: the back-off would
 * have ended after the deadline; `circuit-open`: this call's own failures opened the circuit, or another's did
 * meanwhile; `budget`: the retry budget was empty.
 */
export const RetryRefused = Schema.TaggedStruct("RetryRefused", {
  pipeline: Schema.String,
  attempt: Schema.Int,
  cause: Schema.Literals(["budget", "circuit-open", "deadline"])
})

/** A circuit breaker changed its state. `reason` is the operator's, where there is one. */
export const BreakerTransition = Schema.TaggedStruct("BreakerTransition", {
  breaker: Schema.String,
  from: CircuitTag,
  to: CircuitTag,
  cause: TransitionCause,
  generation: Schema.Int,
  reason: Schema.optionalKey(Schema.String)
})

/** A supervised child ended and is started again after `delayMs`. */
export const ChildRestarted = Schema.TaggedStruct("ChildRestarted", {
  supervisor: Schema.String,
  child: Schema.String,
  restarts: Schema.Int,
  delayMs: Schema.Finite,
  reason: Schema.Literals(["completed", "failed", "died", "sibling"])
})

/** A supervised child ended and its kind says to leave it so. */
export const ChildEnded = Schema.TaggedStruct("ChildEnded", {
  supervisor: Schema.String,
  child: Schema.String,
  reason: Schema.Literals(["completed", "failed", "died"])
})

/** A child was restarted more than `maxRestarts` times in `periodMs` and is left down. The others go on. */
export const ChildEscalated = Schema.TaggedStruct("ChildEscalated", {
  supervisor: Schema.String,
  child: Schema.String,
  maxRestarts: Schema.Int,
  periodMs: Schema.Finite
})

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

const Reference: Context.Reference<EventHub<ResilienceEvent>> = Context.Reference(
  "kubernaut/resilience/ResilienceEvents",
  {
    defaultValue: () => makeEventHub<ResilienceEvent>()
  }
)

/** The hub in the context; a process-wide one where none is provided. */
export const ResilienceEvents: Context.Reference<EventHub<ResilienceEvent>> & {
  /** A hub of its own for everything that is made below this layer. */
  readonly layer: Layer.Layer<never>
} = Object.assign(Reference, { layer: Layer.sync(Reference, () => makeEventHub<ResilienceEvent>()) })
