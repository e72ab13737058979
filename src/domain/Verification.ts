/** Whether an action resolved the problem. */

import { Schema } from "effect"
import { FailureRecord } from "./Failure.ts"
import { Timestamp } from "./Timestamp.ts"
import { WorkloadState } from "./WorkloadState.ts"

/** Whether the action resolved the problem. `unknown` never counts as fixed. */
export const Verdict = Schema.Literals(["fixed", "not-fixed", "unknown"])
export type Verdict = typeof Verdict.Type

/** That the values which an action wrote are gone again, because somebody else put back others. */
export const Reversion = Schema.Struct({
  /** The field manager that wrote last. Absent: the API server does not say. */
  by: Schema.optionalKey(Schema.String),
  /** The fields, such as `Deployment shop/checkout /spec/replicas`. */
  fields: Schema.Array(Schema.String)
})
export type Reversion = typeof Reversion.Type

/** The result of the verification of one action. */
export const Verification = Schema.Struct({
  verdict: Verdict,
  /** Each is a code with the figures behind it. */
  reasons: Schema.Array(Schema.String),
  /** Why the target's controller could not create its pods, if it did not help and that is the reason. */
  failure: Schema.optionalKey(FailureRecord),
  /** The last state that verification read. `null` when the target could not be read. */
  observed: Schema.NullOr(WorkloadState),
  /** Absent: the action stood when it was last looked at, or the verification is of an earlier version. */
  reversion: Schema.optionalKey(Reversion),
  verifiedAt: Timestamp
})
export type Verification = typeof Verification.Type
