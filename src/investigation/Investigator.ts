/**
 * The port to an investigator: it finds out why an alert fires and which action would help.
 *
 * One `Investigator` is one tier of the fallback chain: HolmesGPT, one LLM provider, the rules, or an embedder's own.
 * `InvestigationChain` calls them in order until one returns an investigation.
 */

import { type Effect, Schema } from "effect"
import type { Alert } from "../domain/Alert.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Investigation, InvestigatorName } from "../domain/Investigation.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { Suspects } from "../domain/Suspects.ts"
import type { Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { Evidence } from "./evidence/Evidence.ts"

/** What an investigator is given. Everything that comes from the alert or the cluster is untrusted text. */
export interface InvestigationRequest {
  readonly remediationId: RemediationId
  readonly alert: Alert
  readonly target: Target
  /** Other alerts about the same target. */
  readonly related: ReadonlyArray<Alert>
  /** The current state of the target in the cluster; `null` when it could not be read. */
  readonly observed: WorkloadState | null
  readonly level: DegradationLevel
  /**
   * The recorded changes that may be the cause, the likeliest first. Absent where changes are not recorded. The values
   * are as they are in the cluster: redact them before they leave the process (`evidence/SuspectEvidence`).
   */
  readonly suspects?: Suspects
  /** Further evidence from the cluster. The chain adds it for investigators that set `needsEvidence`. */
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
  /** `problem` says which rule the answer broke, and never quotes it. */
  Schema.TaggedStruct("InvalidAnswer", { problem: Schema.String }),
  Schema.TaggedStruct("RateLimited", { retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  Schema.TaggedStruct("QuotaExhausted", {}),
  Schema.TaggedStruct("ContextOverflow", { tokens: Schema.Int, limit: Schema.Int }),
  Schema.TaggedStruct("Refused", {}),
  /** The request is at fault (400, 422). This says nothing about the peer's health. */
  Schema.TaggedStruct("BadRequest", {}),
  /** No rule matches the alert. */
  Schema.TaggedStruct("NoRule", {})
])
export type InvestigatorErrorReason = typeof InvestigatorErrorReason.Type

/**
 * Why a tier returned no investigation. The reason's tag in kebab-case is the `reason` code of the hop.
 *
 * The investigator that makes the error decides two things: `retryable`, whether its pipeline may try it again at once,
 * and `countsAsFailure`, whether its circuit breaker counts the error.
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

/**
 * One tier of the fallback chain.
 *
 * **When to use**
 *
 * Implement it to put your own knowledge in front of the rules: a runbook, a model that this package does not know. Use
 * the name `custom` with a `provider` that is unique in the chain. The pipeline (deadline, retry, circuit breaker,
 * bulkhead) comes with the chain, so `investigate` makes one attempt and has no timeout of its own.
 *
 * The action must name the target of the request, or an object that belongs to it. The decision refuses any other.
 *
 * **Example** (a runbook for one alert)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Investigator } from "kubernaut"
 *
 * const runbook: Investigator.Investigator = {
 *   name: "custom",
 *   provider: "runbook",
 *   investigate: ({ alert, target: { kind, name, namespace } }) =>
 *     alert.name === "CheckoutQueueStuck"
 *       ? Effect.succeed({
 *           investigator: "custom",
 *           provider: "runbook",
 *           rootCause: "The consumer lost its connection to the queue and does not reconnect.",
 *           evidence: [`${alert.name} has fired since ${alert.startsAt}.`],
 *           action: { type: "RestartWorkload", target: { namespace, kind, name } },
 *           confidence: 0.9
 *         })
 *       : // The next tier is tried. The circuit breaker does not count it: the runbook is not broken.
 *         Effect.fail(
 *           new Investigator.InvestigatorError({
 *             investigator: "runbook",
 *             reason: { _tag: "NoRule" },
 *             retryable: false,
 *             countsAsFailure: false
 *           })
 *         )
 * }
 *
 * Investigator.serviceName(runbook) // => "custom:runbook"
 * ```
 */
export interface Investigator {
  readonly name: InvestigatorName
  /** The configured name of an LLM provider or of an embedder's investigator. */
  readonly provider?: string
  /** Whether the chain gathers evidence from the cluster before it calls this investigator. Default `false`. */
  readonly needsEvidence?: boolean
  readonly investigate: (request: InvestigationRequest) => Effect.Effect<Investigation, InvestigatorError>
  /** A cheap request that succeeds when the peer responds again; absent when the peer has none. */
  readonly probe?: Effect.Effect<void, InvestigatorError>
}

/** The name of an investigator's pipeline, breaker and metrics: `holmesgpt`, `llm:<provider>`, `custom`, `rules`. */
export const serviceName = ({ name, provider }: Pick<Investigator, "name" | "provider">): string =>
  provider === undefined ? name : `${name}:${provider}`
