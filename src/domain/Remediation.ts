/**
 * A remediation: the work on one alert, as a fold over its journal.
 *
 * The journal is append-only, and a remediation depends on nothing but its events. A restarted process that reads the
 * journal therefore knows everything that the crashed process knew.
 *
 *     Received ──> Investigating ──> AwaitingReview ──> Executing ──> Verifying ──> RollingBack
 *                        │                 │                │             │              │
 *                        └─────────────────┴───────┬────────┴─────────────┴──────────────┘
 *                                                  v
 *              Remediated  RolledBack  Escalated  Observed  Cancelled  Joined      (final)
 *
 * The request of a person to roll back opens a remediation that has ended again, as `RollingBack`.
 */

import { Schema } from "effect"
import { Alert } from "./Alert.ts"
import { Decision } from "./Decision.ts"
import { DegradationLevel } from "./DegradationLevel.ts"
import { Execution, ExecutionOutcome, Intent } from "./Execution.ts"
import { Hop, Investigation } from "./Investigation.ts"
import { Approval, ReviewAnswer, ReviewTimeout } from "./Review.ts"
import {
  followed,
  isUnderWay,
  requested,
  Rollback,
  RollbackIntent,
  RollbackRequest,
  RollbackStop,
  RollbackVerification,
  settled
} from "./Rollback.ts"
import { Seen } from "./Seen.ts"
import { Suspects } from "./Suspects.ts"
import { Target } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"
import { Verification } from "./Verification.ts"
import { WorkloadState } from "./WorkloadState.ts"

/** The id of a remediation: `rem-` and a ULID. Ids sort in the order of creation. */
export const RemediationId = Schema.NonEmptyString.pipe(Schema.brand("RemediationId"))
export type RemediationId = typeof RemediationId.Type

/** The states in which a remediation ends. */
export const FinalState = Schema.Literals(["Remediated", "RolledBack", "Escalated", "Observed", "Cancelled", "Joined"])
export type FinalState = typeof FinalState.Type

/** The state of a remediation. The module comment shows the transitions. */
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

/** Whether a state is final. */
export const isFinal = (state: RemediationState): state is FinalState => finalStates.has(state)

/**
 * An event of the journal. Events are written in this order, except `AlertResolved`, which can occur at any time, and
 * those of a rollback that a person requests after the end.
 */
export const RemediationEvent = Schema.Union([
  /** Committed before the webhook receives its response. */
  Schema.TaggedStruct("Accepted", {
    alert: Alert,
    target: Target,
    provisional: Schema.Boolean,
    /** The remediation of this alert that had joined another one, which ended without an action. */
    continues: Schema.optionalKey(RemediationId)
  }),
  /** An actor started work. The trace of the remediation starts here, or continues after a crash. */
  Schema.TaggedStruct("Started", { traceId: Schema.String, spanId: Schema.String, epoch: Schema.Int }),
  /** The root owner is known. */
  Schema.TaggedStruct("Retargeted", { target: Target }),
  /** Another remediation already works on the target. This one ends. */
  Schema.TaggedStruct("Joined", { joinedTo: RemediationId }),
  Schema.TaggedStruct("Investigated", {
    level: DegradationLevel,
    hops: Schema.Array(Hop),
    /** Absent when every investigator failed. */
    investigation: Schema.optionalKey(Investigation),
    /** Absent when the target could not be read before the investigation, and in journals of earlier versions. */
    seen: Schema.optionalKey(Seen),
    /**
     * The recorded changes that may be the cause, without secrets: at most ten, and long values are cut. Absent where
     * changes are not recorded, and in journals of earlier versions: then nothing is known of changes.
     */
    suspects: Schema.optionalKey(Suspects)
  }),
  Schema.TaggedStruct("Decided", {
    level: DegradationLevel,
    decision: Decision,
    observed: Schema.NullOr(WorkloadState),
    /** The end of the time for an answer, if a person is asked. Absent in journals of earlier versions. */
    answerBy: Schema.optionalKey(Timestamp)
  }),
  Schema.TaggedStruct("Reviewed", { review: ReviewAnswer }),
  /** Nobody answered in time. Needs no claim. */
  Schema.TaggedStruct("ReviewTimedOut", { timeout: ReviewTimeout }),
  /** The approval was not used in time. The decision that follows asks again, or needs no approval. */
  Schema.TaggedStruct("ApprovalExpired", { by: Schema.NonEmptyString, expiredAt: Timestamp }),
  /** Committed before the first write to the cluster. */
  Schema.TaggedStruct("Intended", { intent: Intent }),
  Schema.TaggedStruct("Executed", { outcome: ExecutionOutcome }),
  Schema.TaggedStruct("Verified", { verification: Verification }),
  /** The execution is to be undone. The request of a person needs no claim. */
  Schema.TaggedStruct("RollbackRequested", { request: RollbackRequest }),
  /** The rollback ended without a write. */
  Schema.TaggedStruct("RollbackStopped", { stop: RollbackStop }),
  /** Committed before the first write of the rollback to the cluster. */
  Schema.TaggedStruct("RollbackIntended", { intent: RollbackIntent }),
  Schema.TaggedStruct("RollbackExecuted", { outcome: ExecutionOutcome }),
  Schema.TaggedStruct("RollbackVerified", { verification: RollbackVerification }),
  Schema.TaggedStruct("AlertResolved", { endsAt: Timestamp }),
  Schema.TaggedStruct("Concluded", { state: FinalState, reason: Schema.String }),
  /** A new remediation takes over, for an alert that had joined it; `because` the level has risen, for its own. */
  Schema.TaggedStruct("HandedOver", { to: RemediationId, because: Schema.optionalKey(Schema.Literals(["level"])) })
])
export type RemediationEvent = typeof RemediationEvent.Type
/** The tag of an event. */
export type RemediationEventKind = RemediationEvent["_tag"]

/** An event with its position in the journal of one remediation. */
export const JournalEntry = Schema.Struct({
  sequence: Schema.Int,
  at: Timestamp,
  event: RemediationEvent
})
export type JournalEntry = typeof JournalEntry.Type

/** A remediation after all events of its journal so far. */
export const Remediation = Schema.Struct({
  id: RemediationId,
  state: RemediationState,
  alert: Alert,
  target: Target,
  /** Whether the target is still the object that the alert named, because its root owner has not been read. */
  provisional: Schema.Boolean,
  joinedTo: Schema.optionalKey(RemediationId),
  /** The joined remediation of the same alert whose work this one does. */
  continues: Schema.optionalKey(RemediationId),
  /** The remediation that took over after this one ended. */
  handedOverTo: Schema.optionalKey(RemediationId),
  level: Schema.optionalKey(DegradationLevel),
  traceId: Schema.optionalKey(Schema.String),
  spanId: Schema.optionalKey(Schema.String),
  hops: Schema.Array(Hop),
  investigated: Schema.Boolean,
  investigation: Schema.optionalKey(Investigation),
  /** What the investigation saw of the target. */
  seen: Schema.optionalKey(Seen),
  /** The recorded changes that may be the cause, as the latest investigation found them. Absent: not known. */
  suspects: Schema.optionalKey(Suspects),
  investigatedAt: Schema.optionalKey(Timestamp),
  /** How many investigations there were since the start or since a person's latest answer. */
  investigations: Schema.Int,
  decision: Schema.optionalKey(Decision),
  /** The state of the target on which the decision is based. */
  observed: Schema.optionalKey(Schema.NullOr(WorkloadState)),
  /** The answer to the question that was asked last. */
  review: Schema.optionalKey(ReviewAnswer),
  /** How often a person was asked. */
  questions: Schema.Int,
  /** The end of the time for an answer to the question that was asked last. */
  answerBy: Schema.optionalKey(Timestamp),
  /** The question that nobody answered in time. */
  timedOut: Schema.optionalKey(ReviewTimeout),
  /** What a person has approved, by the latest answer. */
  approval: Schema.optionalKey(Approval),
  executions: Schema.Array(Execution),
  verification: Schema.optionalKey(Verification),
  /** The latest rollback. Absent if none was requested. */
  rollback: Schema.optionalKey(Rollback),
  alertResolvedAt: Schema.optionalKey(Timestamp),
  /** Why the remediation ended in its final state. */
  conclusion: Schema.optionalKey(Schema.String),
  /** The positions of journal entries that cannot be read: they are damaged, or another version wrote them. */
  unreadable: Schema.optionalKey(Schema.Array(Schema.Int)),
  receivedAt: Timestamp,
  updatedAt: Timestamp,
  /** The next free position in the journal. */
  sequence: Schema.Int
})
export type Remediation = typeof Remediation.Type

/** The remediation after its first event, `Accepted`. */
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
  ...(event.continues === undefined ? {} : { continues: event.continues }),
  hops: [],
  investigated: false,
  investigations: 0,
  questions: 0,
  executions: [],
  receivedAt: at,
  updatedAt: at,
  sequence: 1
})

/** The remediation after one more event. `at` is the time of the event. */
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
      return afterInvestigation(next, event, at)
    case "Decided":
      return afterDecision(self, next, event)
    case "Reviewed":
      // The next step decides again: the cluster may have changed while the review was pending.
      return { ...withApproval(next, event.review), review: event.review, investigations: 0, state: "Investigating" }
    case "ReviewTimedOut":
      return { ...next, timedOut: event.timeout, state: "Investigating" }
    case "ApprovalExpired": {
      const { approval: _expired, ...rest } = next
      return rest
    }
    case "Intended":
      return afterIntent(next, event.intent)
    case "Executed":
      return {
        ...next,
        // A person may have asked for the rollback while the action was carried out.
        state: isUnderWay(self.rollback) ? "RollingBack" : "Verifying",
        executions: self.executions.map((execution) =>
          execution.intent.executionId === event.outcome.executionId
            ? { ...execution, outcome: event.outcome }
            : execution
        )
      }
    case "Verified":
      return { ...next, verification: event.verification }
    case "RollbackRequested":
      return afterRequest(self, next, event.request)
    case "RollbackStopped":
    case "RollbackIntended":
    case "RollbackExecuted":
    case "RollbackVerified":
      return self.rollback === undefined ? next : { ...next, rollback: followed(self.rollback, event) }
    case "AlertResolved":
      return { ...next, alertResolvedAt: event.endsAt }
    case "Concluded":
      return {
        ...next,
        state: event.state,
        conclusion: event.reason,
        ...(self.rollback === undefined ? {} : { rollback: settled(self.rollback) })
      }
    case "HandedOver":
      return { ...next, handedOverTo: event.to }
  }
}

/** The remediation after an entry that cannot be read. What the entry said is unknown, so nothing else changes. */
export const skip = (self: Remediation, at: Timestamp): Remediation => ({
  ...self,
  unreadable: [...(self.unreadable ?? []), self.sequence],
  updatedAt: at,
  sequence: self.sequence + 1
})

/** Nothing of an earlier investigation remains. */
const afterInvestigation = (
  self: Remediation,
  { hops, investigation, level, seen, suspects }: Extract<RemediationEvent, { _tag: "Investigated" }>,
  at: Timestamp
): Remediation => {
  const { investigation: _earlier, seen: _before, suspects: _suspected, ...rest } = self
  return {
    ...rest,
    level,
    hops,
    investigated: true,
    investigatedAt: at,
    investigations: self.investigations + 1,
    ...(investigation === undefined ? {} : { investigation }),
    ...(seen === undefined ? {} : { seen }),
    ...(suspects === undefined ? {} : { suspects })
  }
}

const afterDecision = (
  self: Remediation,
  next: Remediation,
  { answerBy, decision, level, observed }: Extract<RemediationEvent, { _tag: "Decided" }>
): Remediation => {
  const decided: Remediation = {
    ...next,
    level,
    decision,
    observed,
    investigated: self.investigated && decision.outcome !== "investigate",
    // The decision is about an alternative to the action that was undone.
    ...(isUnderWay(self.rollback) ? { rollback: settled(self.rollback), state: "Investigating" } : {})
  }
  if (decision.outcome !== "review") return decided
  // The earlier answer was to another question.
  const { answerBy: _before, review: _answered, ...asking } = decided
  return {
    ...asking,
    questions: self.questions + 1,
    ...(answerBy === undefined ? {} : { answerBy }),
    state: "AwaitingReview"
  }
}

/** The verification is of an earlier action. */
const afterIntent = ({ verification: _earlier, ...self }: Remediation, intent: Intent): Remediation => ({
  ...self,
  state: "Executing",
  executions: [...self.executions, { intent }]
})

/** What is being executed is completed first. A remediation that has ended is open again. */
const afterRequest = (self: Remediation, next: Remediation, request: RollbackRequest): Remediation => {
  const { conclusion: _ended, ...open } = next
  const isExecuting = self.state === "Executing"
  return { ...open, state: isExecuting ? "Executing" : "RollingBack", rollback: requested(self.rollback, request) }
}

/** An approval covers what the decision shows that it answers. A rejection ends an earlier approval. */
const withApproval = (self: Remediation, { answer, at, by, expiresAt }: ReviewAnswer): Remediation => {
  const { approval: _earlier, ...rest } = self
  if (answer === "rejected" || self.decision === undefined) return rest
  const { action, figures, reasons } = self.decision
  return {
    ...rest,
    approval: {
      by,
      at,
      ...(expiresAt === undefined ? {} : { expiresAt }),
      action,
      ...(figures === undefined ? {} : { figures }),
      findings: reasons
    }
  }
}

/**
 * The remediation after all events of a journal. Returns `undefined` when the journal is empty or its first event is
 * not `Accepted`.
 *
 * ```ts
 * import { Remediation } from "kubernaut"
 *
 * const id = Remediation.RemediationId.make("rem-1")
 * const target = { cluster: "prod", namespace: "shop", kind: "Deployment", name: "checkout" }
 * const at = "2026-11-24T03:00:00.000Z"
 * const alert = {
 *   fingerprint: "6a1f",
 *   name: "KubePodCrashLooping",
 *   severity: "critical",
 *   labels: {},
 *   annotations: {},
 *   startsAt: at
 * } as const
 * const replayed = Remediation.replay(id, [
 *   { sequence: 0, at, event: { _tag: "Accepted", alert, target, provisional: false } },
 *   { sequence: 1, at, event: { _tag: "Concluded", state: "Escalated", reason: "No action is permitted." } }
 * ])
 * replayed?.state // => "Escalated"
 * ```
 */
export const replay = (id: RemediationId, journal: ReadonlyArray<JournalEntry>): Remediation | undefined => {
  const [first, ...rest] = journal
  if (first === undefined || first.event._tag !== "Accepted") return undefined
  return rest.reduce(
    (remediation, entry) => evolve(remediation, entry.event, entry.at),
    begin(id, first.event, first.at)
  )
}
