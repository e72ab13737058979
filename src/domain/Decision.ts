/** What to do about an investigated alert, with the rules that led to the decision. */

import { Schema } from "effect"
import { Action } from "./Action.ts"
import { FailureRecord } from "./Failure.ts"
import { Confidence } from "./Investigation.ts"

/** The risk of an action, lowest first. `decision/ActionCatalog` assigns it. */
export const Risk = Schema.Literals(["none", "low", "medium", "high"])
export type Risk = typeof Risk.Type

/**
 * The values by which a person judges a finding, such as `{ from: 3, to: 5 }`. Two findings of one rule are the same if
 * their figures are equal. Values that change by themselves, such as counts in a window, are no figures.
 */
export const Figures = Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Finite]))
export type Figures = typeof Figures.Type

/** One rule that led to a decision. */
export const DecisionReason = Schema.Struct({
  /** The code of the rule, such as `protected-namespace` or `cooldown`. See `decision/Decider` for the list. */
  rule: Schema.NonEmptyString,
  /** Explanation for people. */
  message: Schema.NonEmptyString,
  /** Absent for a rule without figures, and in journals of earlier versions. */
  figures: Schema.optionalKey(Figures)
})
export type DecisionReason = typeof DecisionReason.Type

/** Whether two sets of figures have the same values. Absent figures equal empty ones. */
export const sameFigures = (left: Figures = {}, right: Figures = {}): boolean => {
  const names = Object.keys(left)
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
}

/** Whether two findings say the same: the same rule with the same figures. Their messages may differ. */
export const sameFinding = (
  left: Pick<DecisionReason, "rule" | "figures">,
  right: Pick<DecisionReason, "rule" | "figures">
): boolean => left.rule === right.rule && sameFigures(left.figures, right.figures)

/** The result of the decision stage for one remediation: the outcome, the action it is about and the reasons. */
export const Decision = Schema.Struct({
  outcome: Schema.Literals([
    /** Run the action now. */
    "execute",
    /** Wait for a person to approve or reject the action. */
    "review",
    /** Investigate again: the proposal is about an earlier state of the target. */
    "investigate",
    /** Only record what would have been done. */
    "observe",
    /** No action is permitted or possible: escalate to a person. */
    "escalate"
  ]),
  action: Action,
  risk: Risk,
  confidence: Confidence,
  reasons: Schema.Array(DecisionReason),
  /** What the action would change, such as `{ replicas: "3 -> 5" }`. Absent if it was not planned. */
  figures: Schema.optionalKey(Figures),
  /** The failure of the plan, if it was refused or could not be made. */
  failure: Schema.optionalKey(FailureRecord),
  /** For a review: the number of the question that it asks, from 1. It is higher when the remediation asks again. */
  question: Schema.optionalKey(Schema.Int)
})
export type Decision = typeof Decision.Type
