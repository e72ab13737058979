/** The intent to act, which is durable before the first write, and what became of it. */

import { Schema } from "effect"
import { Action } from "./Action.ts"
import { Change, Inverse } from "./Change.ts"
import { Timestamp } from "./Timestamp.ts"
import { WorkloadState } from "./WorkloadState.ts"

/** Whether the cluster may have changed. */
export const Applied = Schema.Literals(["no", "yes", "unknown"])
export type Applied = typeof Applied.Type

export const Intent = Schema.Struct({
  /**
   * Unique per attempt to act. It is written to the object as the annotation `kubernaut.dev/execution`, which read-back
   * looks for.
   */
  executionId: Schema.NonEmptyString,
  action: Action,
  /** The writes, in order. Empty when the cluster already is as the action wants it. */
  changes: Schema.Array(Change),
  inverse: Inverse,
  baseline: WorkloadState,
  plannedAt: Timestamp
})
export type Intent = typeof Intent.Type

export const ExecutionOutcome = Schema.Struct({
  executionId: Schema.NonEmptyString,
  applied: Applied,
  /** A word of the closed list in `execution/FailureClassifier`; absent when the action went through. */
  failure: Schema.optionalKey(Schema.String),
  message: Schema.optionalKey(Schema.String),
  finishedAt: Timestamp
})
export type ExecutionOutcome = typeof ExecutionOutcome.Type
