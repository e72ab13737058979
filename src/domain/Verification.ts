/** Did the action help? _Unknown_ is an answer of its own and never counts as fixed. */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"
import { WorkloadState } from "./WorkloadState.ts"

export const Verdict = Schema.Literals(["fixed", "not-fixed", "unknown"])
export type Verdict = typeof Verdict.Type

export const Verification = Schema.Struct({
  verdict: Verdict,
  /** Each a word of the closed list in `verification/Verifier` with the figures behind it. */
  reasons: Schema.Array(Schema.String),
  observed: Schema.NullOr(WorkloadState),
  verifiedAt: Timestamp
})
export type Verification = typeof Verification.Type
