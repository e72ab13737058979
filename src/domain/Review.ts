/** A question that waits for a person, and the answer. */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

export const ReviewAnswer = Schema.Struct({
  answer: Schema.Literals(["approved", "rejected"]),
  /** The authenticated principal; `anonymous` on a loopback service without tokens. */
  by: Schema.NonEmptyString,
  reason: Schema.optionalKey(Schema.String),
  at: Timestamp
})
export type ReviewAnswer = typeof ReviewAnswer.Type
