/** The answer of a person to a remediation in state `AwaitingReview`. */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

/** The approval or rejection of a proposed action. */
export const ReviewAnswer = Schema.Struct({
  answer: Schema.Literals(["approved", "rejected"]),
  /** The authenticated principal, or `anonymous` when the service runs on loopback without tokens. */
  by: Schema.NonEmptyString,
  reason: Schema.optionalKey(Schema.String),
  at: Timestamp
})
export type ReviewAnswer = typeof ReviewAnswer.Type
