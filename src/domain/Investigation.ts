/** The findings of an investigation, and the hops of the fallback chain that led to them. */

import { Schema } from "effect"
import { Action } from "./Action.ts"

/** The kind of an investigator. `custom` is an investigator that an embedding program provides. */
export const InvestigatorName = Schema.Literals(["holmesgpt", "llm", "rules", "custom"])
export type InvestigatorName = typeof InvestigatorName.Type

/** A number from 0 to 1. The tier of the investigator caps it. A high confidence overrides no guardrail. */
export const Confidence = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

/** One hop of the fallback chain: the investigator, its outcome, and the attempts and time that it took. */
export const Hop = Schema.Struct({
  investigator: InvestigatorName,
  /** The configured name of the LLM provider. Absent for other investigators. */
  provider: Schema.optionalKey(Schema.String),
  outcome: Schema.Literals(["answered", "failed", "skipped"]),
  /** A code such as `circuit-open` or `timeout`, from `investigation/Investigator`. Absent when it answered. */
  reason: Schema.optionalKey(Schema.String),
  /** What a person reads beside the reason: which budget has no room for it, or for a repeat, and until when. */
  detail: Schema.optionalKey(Schema.String),
  /**
   * What became of a hedge. On the hop that showed no sign of work: another model was asked beside it (`started`), or
   * was not, because the retry budget had no token (`no-token`) or no other model was free (`no-model`). On the hop of
   * the other model: `beside`. Absent where nothing was hedged.
   */
  hedge: Schema.optionalKey(Schema.Literals(["started", "no-token", "no-model", "beside"])),
  attempts: Schema.Int,
  /** Milliseconds. */
  durationMs: Schema.Finite
})
export type Hop = typeof Hop.Type

/** What a person reads of a hedge. */
export const hedgeText = (hedge: NonNullable<Hop["hedge"]>): string =>
  ({
    started: "no sign of work, another model asked beside it",
    "no-token": "no sign of work, no retry budget to ask another model beside it",
    "no-model": "no sign of work, no other model free",
    beside: "asked beside it"
  })[hedge]

/** The findings of one investigator: the root cause, the evidence and the action that it proposes. */
export const Investigation = Schema.Struct({
  investigator: InvestigatorName,
  provider: Schema.optionalKey(Schema.String),
  rootCause: Schema.NonEmptyString,
  /** Observations that support the root cause, one sentence each. */
  evidence: Schema.Array(Schema.String),
  /** The proposed action. `Notify` when no other action helps. */
  action: Action,
  /** Capped by tier: 1.0 for HolmesGPT, 0.8 for an LLM, 0.5 for the rules. */
  confidence: Confidence,
  /** The name of the rule that matched. Present for `rules` only. */
  rule: Schema.optionalKey(Schema.String)
})
export type Investigation = typeof Investigation.Type
