/** What to do about an investigated alert, with the rules that led to the decision. */

import { Schema } from "effect"
import { Action } from "./Action.ts"
import { Confidence } from "./Investigation.ts"

/** The risk of an action, lowest first. `decision/ActionCatalog` assigns it. */
export const Risk = Schema.Literals(["none", "low", "medium", "high"])
export type Risk = typeof Risk.Type

/** One rule that led to a decision. */
export const DecisionReason = Schema.Struct({
  /** The code of the rule, such as `protected-namespace` or `cooldown`. See `decision/Decider` for the list. */
  rule: Schema.NonEmptyString,
  /** Explanation for people. */
  message: Schema.NonEmptyString
})
export type DecisionReason = typeof DecisionReason.Type

/** The result of the decision stage for one remediation: the outcome, the action it is about and the reasons. */
export const Decision = Schema.Struct({
  outcome: Schema.Literals([
    /** Run the action now. */
    "execute",
    /** Wait for a person to approve or reject the action. */
    "review",
    /** Only record what would have been done. */
    "observe",
    /** No action is permitted or possible: escalate to a person. */
    "escalate"
  ]),
  action: Action,
  risk: Risk,
  confidence: Confidence,
  reasons: Schema.Array(DecisionReason)
})
export type Decision = typeof Decision.Type
