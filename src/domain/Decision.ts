/** What is to be done about an investigated alert, and which rules said so. */

import { Schema } from "effect"
import { Action } from "./Action.ts"
import { Confidence } from "./Investigation.ts"

export const Risk = Schema.Literals(["none", "low", "medium", "high"])
export type Risk = typeof Risk.Type

/** One guardrail or gate that had a say. `blocks` is false for those that only explain. */
export const DecisionReason = Schema.Struct({
  /** A word of the closed list in `decision/Guardrails`, e.g. `protected-namespace`, `cooldown`, `irreversible`. */
  rule: Schema.NonEmptyString,
  message: Schema.NonEmptyString
})
export type DecisionReason = typeof DecisionReason.Type

export const Decision = Schema.Struct({
  outcome: Schema.Literals([
    /** Carry it out now. */
    "execute",
    /** Wait for a person. */
    "review",
    /** Only say what would have been done. */
    "observe",
    /** Nothing may or can be done: put it before a person. */
    "escalate"
  ]),
  action: Action,
  risk: Risk,
  confidence: Confidence,
  reasons: Schema.Array(DecisionReason)
})
export type Decision = typeof Decision.Type
