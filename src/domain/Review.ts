/** The answer of a person to a remediation in state `AwaitingReview`, and what an approval covers. */

import { Schema } from "effect"
import { Action } from "./Action.ts"
import { DecisionReason, Figures } from "./Decision.ts"
import { Timestamp } from "./Timestamp.ts"

/** The approval or rejection of a proposed action. */
export const ReviewAnswer = Schema.Struct({
  answer: Schema.Literals(["approved", "rejected"]),
  /** The authenticated principal, or `anonymous` when the service runs on loopback without tokens. */
  by: Schema.NonEmptyString,
  reason: Schema.optionalKey(Schema.String),
  /** The number of the question that the person answers. An approval without it is of the first question. */
  question: Schema.optionalKey(Schema.Int),
  at: Timestamp
})
export type ReviewAnswer = typeof ReviewAnswer.Type

/** What a person has approved: the action, what it changes, and the findings that were shown. Nothing else. */
export const Approval = Schema.Struct({
  by: Schema.NonEmptyString,
  at: Timestamp,
  action: Action,
  /** Absent if the plan was not known when the person was asked. */
  figures: Schema.optionalKey(Figures),
  findings: Schema.Array(DecisionReason)
})
export type Approval = typeof Approval.Type
