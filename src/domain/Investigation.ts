/** What an investigator found out about an alert, and the hops of the fallback chain that led to it. */

import { Schema } from "effect"
import { Action } from "./Action.ts"

/** `custom` is an embedder's own. */
export const InvestigatorName = Schema.Literals(["holmesgpt", "llm", "rules", "custom"])
export type InvestigatorName = typeof InvestigatorName.Type

/** A share from 0 to 1. What a model says of itself is capped by its tier and lifts no gate. */
export const Confidence = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** One step of the fallback chain: who was asked, how it ended, after how many attempts and how long. */
export const Hop = Schema.Struct({
  investigator: InvestigatorName,
  /** The configured name of the LLM provider. */
  provider: Schema.optionalKey(Schema.String),
  outcome: Schema.Literals(["answered", "failed", "skipped"]),
  /** A word of the closed list in `investigation/Investigator`, e.g. `circuit-open`, `timeout`. */
  reason: Schema.optionalKey(Schema.String),
  attempts: Schema.Int,
  durationMs: Schema.Finite
})
export type Hop = typeof Hop.Type

export const Investigation = Schema.Struct({
  investigator: InvestigatorName,
  provider: Schema.optionalKey(Schema.String),
  rootCause: Schema.NonEmptyString,
  /** What speaks for the root cause, each in a sentence. */
  evidence: Schema.Array(Schema.String),
  action: Action,
  /** Capped on the way down the chain: 1.0 HolmesGPT, 0.8 LLM, 0.5 rules. */
  confidence: Confidence,
  /** The rule that answered, for `rules`. */
  rule: Schema.optionalKey(Schema.String)
})
export type Investigation = typeof Investigation.Type
