/**
 * One remediation: the work on one alert (fingerprint + startsAt), as a fold over its journal.
 *
 * The journal is append-only; this record is what its events add up to and nothing else, so a process that has only the
 * journal knows exactly as much as the one that crashed.
 *
 *     Received ──> Investigating ──> AwaitingReview ──> Executing ──> Verifying ──> RollingBack
 *                        │                 │                │             │              │
 *                        └─────────────────┴───────┬────────┴─────────────┴──────────────┘
 *                                                  v
 *              Remediated  RolledBack  Escalated  Observed  Cancelled  Joined      (final)
 */

import { Schema } from "effect"
import { Alert } from "./Alert.ts"
import { Decision } from "./Decision.ts"
import { DegradationLevel } from "./DegradationLevel.ts"
import { ExecutionOutcome, Intent } from "./Execution.ts"
import { Hop, Investigation } from "./Investigation.ts"
import { ReviewAnswer } from "./Review.ts"
import { Target } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"
import { Verification } from "./Verification.ts"
import { WorkloadState } from "./WorkloadState.ts"

export const RemediationId = Schema.NonEmptyString.pipe(Schema.brand("RemediationId"))
export type RemediationId = typeof RemediationId.Type

export const FinalState = Schema.Literals(["Remediated", "RolledBack", "Escalated", "Observed", "Cancelled", "Joined"])
export type FinalState = typeof FinalState.Type

export const RemediationState = Schema.Literals([
  "Received",
  "Investigating",
  "AwaitingReview",
  "Executing",
  "Verifying",
  "RollingBack",
  ...FinalState.literals
])
export type RemediationState = typeof RemediationState.Type

const finalStates: ReadonlySet<RemediationState> = new Set(FinalState.literals)

export const isFinal = (state: RemediationState): state is FinalState => finalStates.has(state)

/** What the journal can say. Each is written once, in this order but for `AlertResolved`, which comes when it comes. */
export const RemediationEvent = Schema.Union([
  /** Committed before the webhook is answered. */
  Schema.TaggedStruct("Accepted", { alert: Alert, target: Target, provisional: Schema.Boolean }),
  /** An actor took it up; the trace of the whole remediation begins (or, after a crash, goes on) here. */
  Schema.TaggedStruct("Started", { traceId: Schema.String, spanId: Schema.String, epoch: Schema.Int }),
  /** The root owner is known. */
  Schema.TaggedStruct("Retargeted", { target: Target }),
  Schema.TaggedStruct("Joined", { joinedTo: RemediationId }),
  Schema.TaggedStruct("Investigated", {
    level: DegradationLevel,
    hops: Schema.Array(Hop),
    /** Absent when the whole chain was exhausted. */
    investigation: Schema.optionalKey(Investigation)
  }),
  Schema.TaggedStruct("Decided", {
    level: DegradationLevel,
    decision: Decision,
    observed: Schema.NullOr(WorkloadState)
  }),
  Schema.TaggedStruct("Reviewed", { review: ReviewAnswer }),
  /** Committed before the first write to the cluster. */
  Schema.TaggedStruct("Intended", { intent: Intent }),
  Schema.TaggedStruct("Executed", { outcome: ExecutionOutcome }),
  Schema.TaggedStruct("Verified", { verification: Verification }),
  Schema.TaggedStruct("AlertResolved", { endsAt: Timestamp }),
  Schema.TaggedStruct("Concluded", { state: FinalState, reason: Schema.String })
])
export type RemediationEvent = typeof RemediationEvent.Type
export type RemediationEventKind = RemediationEvent["_tag"]

/** An event in its place in the journal. */
export const JournalEntry = Schema.Struct({
  sequence: Schema.Int,
  at: Timestamp,
  event: RemediationEvent
})
export type JournalEntry = typeof JournalEntry.Type

export const Execution = Schema.Struct({ intent: Intent, outcome: Schema.optionalKey(ExecutionOutcome) })
export type Execution = typeof Execution.Type

export const Remediation = Schema.Struct({
  id: RemediationId,
  state: RemediationState,
  alert: Alert,
  target: Target,
  /** The target is what the alert named; its root owner has not been read yet. */
  provisional: Schema.Boolean,
  joinedTo: Schema.optionalKey(RemediationId),
  level: Schema.optionalKey(DegradationLevel),
  traceId: Schema.optionalKey(Schema.String),
  spanId: Schema.optionalKey(Schema.String),
  hops: Schema.Array(Hop),
  investigated: Schema.Boolean,
  investigation: Schema.optionalKey(Investigation),
  decision: Schema.optionalKey(Decision),
  /**
   * The target as the decision saw it; once a person has answered, as the decision saw it that was put to that person.
   */
  observed: Schema.optionalKey(Schema.NullOr(WorkloadState)),
  review: Schema.optionalKey(ReviewAnswer),
  executions: Schema.Array(Execution),
  verification: Schema.optionalKey(Verification),
  alertResolvedAt: Schema.optionalKey(Timestamp),
  /** Why it ended as it did. */
  conclusion: Schema.optionalKey(Schema.String),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  /** The next free place in the journal. */
  sequence: Schema.Int
})
export type Remediation = typeof Remediation.Type

/** The remediation that an `Accepted` event begins. */
export const begin = (
  id: RemediationId,
  event: Extract<RemediationEvent, { _tag: "Accepted" }>,
  at: Timestamp
): Remediation => ({
  id,
  state: "Received",
  alert: event.alert,
  target: event.target,
  provisional: event.provisional,
  hops: [],
  investigated: false,
  executions: [],
  receivedAt: at,
  updatedAt: at,
  sequence: 1
})

/** The remediation after one more event. */
export const evolve = (self: Remediation, event: RemediationEvent, at: Timestamp): Remediation => {
  const next = { ...self, updatedAt: at, sequence: self.sequence + 1 }
  switch (event._tag) {
    case "Accepted":
      return next
    case "Started":
      return {
        ...next,
        state: self.state === "Received" ? "Investigating" : self.state,
        traceId: event.traceId,
        spanId: event.spanId
      }
    case "Retargeted":
      return { ...next, target: event.target, provisional: false }
    case "Joined":
      return { ...next, state: "Joined", joinedTo: event.joinedTo }
    case "Investigated":
      return {
        ...next,
        level: event.level,
        hops: event.hops,
        investigated: true,
        ...(event.investigation === undefined ? {} : { investigation: event.investigation })
      }
    case "Decided":
      return {
        ...next,
        level: event.level,
        decision: event.decision,
        // What a person approved was said about that state; a later one must not take its place.
        observed: self.review === undefined || self.observed === undefined ? event.observed : self.observed,
        state: event.decision.outcome === "review" ? "AwaitingReview" : self.state
      }
    case "Reviewed":
      // Assessed once more with the answer: the cluster may have changed while the question waited.
      return { ...next, review: event.review, state: "Investigating" }
    case "Intended":
      return { ...next, state: "Executing", executions: [...self.executions, { intent: event.intent }] }
    case "Executed":
      return {
        ...next,
        state: "Verifying",
        executions: self.executions.map((execution) =>
          execution.intent.executionId === event.outcome.executionId
            ? { ...execution, outcome: event.outcome }
            : execution
        )
      }
    case "Verified":
      return { ...next, verification: event.verification }
    case "AlertResolved":
      return { ...next, alertResolvedAt: event.endsAt }
    case "Concluded":
      return { ...next, state: event.state, conclusion: event.reason }
  }
}

/**
 * The remediation that a whole journal adds up to; `undefined` for an empty one or one that does not begin with
 * `Accepted`.
 */
export const replay = (id: RemediationId, journal: ReadonlyArray<JournalEntry>): Remediation | undefined => {
  const [first, ...rest] = journal
  if (first === undefined || first.event._tag !== "Accepted") return undefined
  return rest.reduce(
    (remediation, entry) => evolve(remediation, entry.event, entry.at),
    begin(id, first.event, first.at)
  )
}
