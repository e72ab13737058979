/** The intent to act, which is durable before the first write, and the outcome of the execution. */

import { Schema } from "effect"
import { Action } from "./Action.ts"
import { Change, Inverse } from "./Change.ts"
import { FailureCategory, Shortage } from "./Failure.ts"
import { FieldDifference } from "./FieldPath.ts"
import { Places } from "./Places.ts"
import { SeenObject } from "./Seen.ts"
import { ResourceRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"
import { WorkloadState } from "./WorkloadState.ts"

/** Whether the action changed the cluster. `unknown` means that it may have. */
export const Applied = Schema.Literals(["no", "yes", "unknown"])
export type Applied = typeof Applied.Type

/** The fields that one write of `RestoreObject` changes, by their names: what they are before it, and after it. */
export const WrittenFields = Schema.Struct({ ref: ResourceRef, fields: Schema.Array(FieldDifference) })
export type WrittenFields = typeof WrittenFields.Type

/** A planned execution: the writes, their inverse and the baseline. It is journaled before the first write. */
export const Intent = Schema.Struct({
  /**
   * Unique per execution. Every write sets it on the object as the annotation `kubernaut.dev/execution`, so that
   * read-back can find out whether the write took place.
   */
  executionId: Schema.NonEmptyString,
  action: Action,
  /** The writes, in order. Empty when the cluster is already in the desired state. */
  changes: Schema.Array(Change),
  inverse: Inverse,
  /** The state of the target before the action. Verification compares with it. */
  baseline: WorkloadState,
  /**
   * The target and the patched objects as the action leaves them. A later change of their spec is somebody else's.
   * Absent in intents of earlier versions.
   */
  leaves: Schema.optionalKey(Schema.Array(SeenObject)),
  /**
   * What `RestoreObject` writes, by the names of the fields. A list may be in another order later, and then the
   * pointers of the patch name other items.
   */
  fields: Schema.optionalKey(Schema.Array(WrittenFields)),
  /** What a person should know once the action is carried out, such as what the next `kubectl apply` does. */
  note: Schema.optionalKey(Schema.String),
  /** What the target shares with others. Absent: not known, or in intents of earlier versions. */
  places: Schema.optionalKey(Places),
  plannedAt: Timestamp
})
export type Intent = typeof Intent.Type

/** The remediation of an execution, or of its rollback: their ids begin with its own. */
export const remediationOf = (executionId: string): string => executionId.replace(/-\d+(?:-rollback-\d+)?$/, "")

/** How an execution ended. */
export const ExecutionOutcome = Schema.Struct({
  executionId: Schema.NonEmptyString,
  applied: Applied,
  /** A code from `execution/FailureClassifier`. Absent when the action succeeded. */
  failure: Schema.optionalKey(Schema.String),
  /** The category of the failure. Absent in outcomes of earlier versions. */
  category: Schema.optionalKey(FailureCategory),
  /** What would allow the action, for a person. */
  remedy: Schema.optionalKey(Schema.String),
  /** The objects that the execution created, by the uid that the API server gave them. */
  created: Schema.optionalKey(Schema.Array(Schema.Struct({ ref: ResourceRef, uid: Schema.NonEmptyString }))),
  /** The lines of a quota that had no room. */
  shortages: Schema.optionalKey(Schema.Array(Shortage)),
  /** Explanation of the failure for people. After a success: what they should know. */
  message: Schema.optionalKey(Schema.String),
  finishedAt: Timestamp
})
export type ExecutionOutcome = typeof ExecutionOutcome.Type

/** An intent and, once the execution has ended, its outcome. */
export const Execution = Schema.Struct({ intent: Intent, outcome: Schema.optionalKey(ExecutionOutcome) })
export type Execution = typeof Execution.Type
