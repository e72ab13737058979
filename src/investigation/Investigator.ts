/**
 * The port to whoever finds out why an alert fires and what would help.
 *
 * One `Investigator` is one tier of the fallback chain (HolmesGPT, one LLM provider, the rules, or an embedder's own).
 * The chain (`InvestigationChain`) asks them in order until one answers.
 */

import { type Effect, Schema } from "effect"
import type { Alert } from "../domain/Alert.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Investigation, InvestigatorName } from "../domain/Investigation.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { Evidence } from "./evidence/Evidence.ts"

export interface InvestigationRequest {
  readonly remediationId: RemediationId
  readonly alert: Alert
  readonly target: Target
  /** Other alerts about the same target. */
  readonly related: ReadonlyArray<Alert>
  /** What the cluster says about the target now; `null` where it could not be read. */
  readonly observed: WorkloadState | null
  readonly level: DegradationLevel
  /** What else was found in the cluster. Filled in by the chain where it has a way to gather it. */
  readonly evidence?: Evidence
}

/** See `InvestigatorError`. */
export const InvestigatorErrorReason = Schema.Union([
  Schema.TaggedStruct("Unavailable", {
    status: Schema.optionalKey(Schema.Int),
    retryAfterMs: Schema.optionalKey(Schema.Finite)
  }),
  Schema.TaggedStruct("Authentication", {}),
  Schema.TaggedStruct("Timeout", {}),
  Schema.TaggedStruct("InvalidAnswer", { problem: Schema.String }),
  Schema.TaggedStruct("RateLimited", { retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  Schema.TaggedStruct("QuotaExhausted", {}),
  Schema.TaggedStruct("ContextOverflow", { tokens: Schema.Int, limit: Schema.Int }),
  Schema.TaggedStruct("Refused", {}),
  /** 400 or 422: our request is wrong. Says nothing about the peer. */
  Schema.TaggedStruct("BadRequest", {}),
  /** No rule knows this alert. */
  Schema.TaggedStruct("NoRule", {})
])
export type InvestigatorErrorReason = typeof InvestigatorErrorReason.Type

/**
 * Why a tier gave no answer. The tag in kebab-case is the `reason` of the hop.
 *
 * `retryable` says whether the same tier is worth asking again at once, `countsAsFailure` whether its breaker counts
 * it: whoever makes the error decides both.
 */
export class InvestigatorError extends Schema.TaggedError<InvestigatorError>()("InvestigatorError", {
  investigator: Schema.String,
  reason: InvestigatorErrorReason,
  retryable: Schema.Boolean,
  countsAsFailure: Schema.Boolean
}) {
  override get message(): string {
    return `${this.investigator}: ${this.reason._tag}`
  }
}

export interface Investigator {
  readonly name: InvestigatorName
  /** The configured name of an LLM provider or of an embedder's investigator. */
  readonly provider?: string
  /** The chain gathers evidence from the cluster before it asks this one. */
  readonly needsEvidence?: boolean
  readonly investigate: (request: InvestigationRequest) => Effect.Effect<Investigation, InvestigatorError>
  /** A cheap request that tells whether the peer answers again; absent where it has none. */
  readonly probe?: Effect.Effect<void, InvestigatorError>
}
