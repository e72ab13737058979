/** Whether an action resolved the problem. */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"
import { WorkloadState } from "./WorkloadState.ts"

/** Whether the action resolved the problem. `unknown` never counts as fixed. */
export const Verdict = Schema.Literals(["fixed", "not-fixed", "unknown"])
export type Verdict = typeof Verdict.Type

/** The result of the verification of one action. */
export const Verification = Schema.Struct({
  verdict: Verdict,
  /** Each is a code with the figures behind it. */
  reasons: Schema.Array(Schema.String),
  /** The last state that verification read. `null` when the target could not be read. */
  observed: Schema.NullOr(WorkloadState),
  verifiedAt: Timestamp
})
export type Verification = typeof Verification.Type
