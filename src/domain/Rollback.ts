/**
 * A rollback: the undo of one execution of a remediation, as data. Its parts are journaled one by one.
 *
 *     RollbackRequested ──> RollbackIntended ──> RollbackExecuted ──> RollbackVerified
 *             │                  ^    before the write │                    │ not restored
 *             └─> RollbackStopped└─────────────────────┴────────────────────┘ at most three attempts
 *
 * A rollback that stops has written nothing: somebody else has changed the object since, or nothing can be undone. A
 * person may request another one, which has attempts of its own.
 */

import { Schema } from "effect"
import { Change } from "./Change.ts"
import { type Execution, ExecutionOutcome, type Intent } from "./Execution.ts"
import { SeenObject } from "./Seen.ts"
import { displayName } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"
import { WorkloadState } from "./WorkloadState.ts"

/** Why an execution is undone. */
export const RollbackTrigger = Schema.Literals([
  /** It failed after a part of it was applied. */
  "failed-execution",
  /** The target did not recover. */
  "failed-health-check",
  /** The state of the object is not what was written. */
  "failed-validation",
  /** A person asked for it. */
  "operator"
])
export type RollbackTrigger = typeof RollbackTrigger.Type

/** The request to undo an execution. */
export const RollbackRequest = Schema.Struct({
  trigger: RollbackTrigger,
  /** The `executionId` of the execution to undo. */
  undoes: Schema.NonEmptyString,
  /** The principal who asked. Absent unless the trigger is `operator`. */
  by: Schema.optionalKey(Schema.NonEmptyString),
  reason: Schema.optionalKey(Schema.String),
  at: Timestamp
})
export type RollbackRequest = typeof RollbackRequest.Type

/** The planned writes of one attempt. It is journaled before the first of them. */
export const RollbackIntent = Schema.Struct({
  /** The `executionId` of the execution that it undoes. */
  undoes: Schema.NonEmptyString,
  /** `<undoes>-rollback-<attempt>`. Every write sets it on the object, as the writes of an execution do. */
  executionId: Schema.NonEmptyString,
  /** From 1, over all rollbacks of the execution. */
  attempt: Schema.Int,
  trigger: RollbackTrigger,
  /** The writes, in order. Empty if somebody has undone the action already. */
  changes: Schema.Array(Change),
  /** The state of the target before the rollback. */
  before: WorkloadState,
  /** The objects as the rollback leaves them. Verification compares their uid and spec. */
  restores: Schema.Array(SeenObject),
  /** What is not restored, for people. Absent if nothing remains. */
  remains: Schema.optionalKey(Schema.String),
  plannedAt: Timestamp
})
export type RollbackIntent = typeof RollbackIntent.Type

/** Whether the target is as it was before the action. `unknown` never counts as restored. */
export const Restored = Schema.Literals(["yes", "no", "unknown"])
export type Restored = typeof Restored.Type

/** Whether the pods are as ready as before the action. The spec may be restored while no pod of it may be created. */
export const RestoredPods = Schema.Struct({
  asBefore: Restored,
  /** A code with the figures behind it. */
  reason: Schema.String
})
export type RestoredPods = typeof RestoredPods.Type

/** What was read after the writes of one attempt. */
export const RollbackVerification = Schema.Struct({
  restored: Restored,
  /** Each is a code with the figures behind it. */
  reasons: Schema.Array(Schema.String),
  /** Absent: the target has no replicas, its spec is not restored, or an earlier version has verified it. */
  pods: Schema.optionalKey(RestoredPods),
  /** The state of the target after the rollback. `null` when it could not be read. */
  observed: Schema.NullOr(WorkloadState),
  verifiedAt: Timestamp
})
export type RollbackVerification = typeof RollbackVerification.Type

/** Why a rollback ended without a write. */
export const RollbackStop = Schema.Struct({
  /** A code of `execution/Rollback`, such as `changed-by-another`. */
  code: Schema.NonEmptyString,
  /** For people: what is in the way, and what to do about it. */
  message: Schema.NonEmptyString,
  /** The fields that another party has changed, such as `spec.replicas`. */
  fields: Schema.optionalKey(Schema.Array(Schema.String))
})
export type RollbackStop = typeof RollbackStop.Type

/** One attempt, with what is known of it so far. */
export const RollbackAttempt = Schema.Struct({
  intent: RollbackIntent,
  outcome: Schema.optionalKey(ExecutionOutcome),
  verification: Schema.optionalKey(RollbackVerification)
})
export type RollbackAttempt = typeof RollbackAttempt.Type

/** How a rollback ended. */
export const RollbackOutcome = Schema.Literals([
  "restored",
  /** The target is not as it was before. */
  "not-restored",
  "unknown",
  /** Nothing was written. */
  "stopped"
])
export type RollbackOutcome = typeof RollbackOutcome.Type

/** The latest rollback of a remediation. */
export const Rollback = Schema.Struct({
  trigger: RollbackTrigger,
  undoes: Schema.NonEmptyString,
  by: Schema.optionalKey(Schema.NonEmptyString),
  reason: Schema.optionalKey(Schema.String),
  requestedAt: Timestamp,
  /** Every attempt, also those of earlier rollbacks of the remediation. */
  attempts: Schema.Array(RollbackAttempt),
  /** How many of the attempts belong to earlier rollbacks. */
  earlierAttempts: Schema.Int,
  stopped: Schema.optionalKey(RollbackStop),
  /** Absent until it has ended. */
  outcome: Schema.optionalKey(RollbackOutcome)
})
export type Rollback = typeof Rollback.Type

/** How often a rollback is tried before a person is told. */
export const maxAttempts = 3

/** The id of an attempt, by which a read-back recognizes its writes. */
export const attemptId = (undoes: string, attempt: number): string => `${undoes}-rollback-${attempt}`

/** The rollback that a request begins. `previous` is the latest one of the remediation. */
export const requested = (previous: Rollback | undefined, { at, ...request }: RollbackRequest): Rollback => ({
  ...request,
  requestedAt: at,
  attempts: previous?.attempts ?? [],
  earlierAttempts: previous?.attempts.length ?? 0
})

/** The attempts of this rollback, without those of earlier ones. */
export const ownAttempts = ({ attempts, earlierAttempts }: Rollback): ReadonlyArray<RollbackAttempt> =>
  attempts.slice(earlierAttempts)

/** The rollback after its latest attempt has changed. */
const withLatest = (self: Rollback, update: (attempt: RollbackAttempt) => RollbackAttempt): Rollback => ({
  ...self,
  attempts: self.attempts.map((attempt, index) => (index === self.attempts.length - 1 ? update(attempt) : attempt))
})

/** How a rollback ended, by what is known of it at its end. */
export const outcomeOf = (self: Rollback): RollbackOutcome => {
  const own = ownAttempts(self)
  const wroteNothing = own.every(({ outcome }) => outcome?.applied === "no")
  if (self.stopped !== undefined) return wroteNothing ? "stopped" : "not-restored"
  const last = own.at(-1)
  switch (last?.verification?.restored) {
    case "yes":
      return "restored"
    case "no":
      return "not-restored"
    case "unknown":
      return "unknown"
    default:
      return last !== undefined && wroteNothing ? "not-restored" : "unknown"
  }
}

/** Whether an inverse takes anything back. */
export const undoesSomething = ({ inverse }: Pick<Intent, "inverse">): boolean =>
  (inverse._tag === "Exact" || inverse._tag === "Partial")
  && inverse.changes.length + (inverse.removesCreated?.length ?? 0) > 0

/** Why an intent has no inverse; `undefined` if it has one. */
export const withoutInverse = ({ action, inverse }: Pick<Intent, "action" | "inverse">): RollbackStop | undefined => {
  const what = `${action.type} of ${displayName(action.target)}`
  const leavesNothing = (why: string): RollbackStop => ({
    code: "nothing-to-undo",
    message: `${what} leaves nothing behind that could be taken back. ${why}`
  })
  switch (inverse._tag) {
    case "NotNeeded":
      return leavesNothing(inverse.reason)
    case "Irreversible":
      return { code: "irreversible", message: `${what} cannot be undone. ${inverse.reason}` }
    case "Partial":
      return undoesSomething({ inverse }) ? undefined : leavesNothing(inverse.remains)
    case "Exact":
      return undefined
  }
}

/** Whether an execution may have changed the cluster, so that there may be something to undo. */
const mayHaveWritten = ({ intent, outcome }: Execution): boolean =>
  intent.changes.length > 0 && outcome?.applied !== "no"

/** Whether an execution was undone, and its target read back as it was before. */
export const isUndone = (rollback: Rollback | undefined, { intent: { executionId } }: Execution): boolean =>
  rollback?.attempts.some(
    ({ intent, verification }) => intent.undoes === executionId && verification?.restored === "yes"
  ) === true

/** The executions of a remediation whose changes may be in the cluster, the latest first: the order of their undo. */
export const standing = (
  executions: ReadonlyArray<Execution>,
  rollback: Rollback | undefined
): ReadonlyArray<Execution> =>
  executions.filter((each) => mayHaveWritten(each) && !isUndone(rollback, each)).toReversed()

/** Whether a rollback has begun and has not ended. */
export const isUnderWay = (rollback: Rollback | undefined): rollback is Rollback =>
  rollback !== undefined && rollback.outcome === undefined

/** The rollback once it has ended. */
export const settled = (self: Rollback): Rollback => ({ ...self, outcome: self.outcome ?? outcomeOf(self) })

/** What is journaled of a rollback after its request. */
type RollbackEvent =
  | { readonly _tag: "RollbackStopped"; readonly stop: RollbackStop }
  | { readonly _tag: "RollbackIntended"; readonly intent: RollbackIntent }
  | { readonly _tag: "RollbackExecuted"; readonly outcome: ExecutionOutcome }
  | { readonly _tag: "RollbackVerified"; readonly verification: RollbackVerification }

/** The rollback after one more event of it. */
export const followed = (self: Rollback, event: RollbackEvent): Rollback => {
  switch (event._tag) {
    case "RollbackStopped":
      return { ...self, stopped: event.stop }
    case "RollbackIntended":
      return { ...self, attempts: [...self.attempts, { intent: event.intent }] }
    case "RollbackExecuted":
      return withLatest(self, (attempt) => ({ ...attempt, outcome: event.outcome }))
    case "RollbackVerified":
      return withLatest(self, (attempt) => ({ ...attempt, verification: event.verification }))
  }
}
