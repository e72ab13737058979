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
import type { PastAction } from "../domain/PastAction.ts"
import type { RemediationId } from "../domain/Remediation.ts"
import type { Suspects } from "../domain/Suspects.ts"
import type { Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { Evidence } from "./evidence/Evidence.ts"
import type { Finding, PartialFindings } from "./PartialFindings.ts"
import { UsedUp } from "./spend/Budget.ts"
import type { Meter } from "./spend/Meter.ts"

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
  /** The services that are not asked, because the level has not risen since they are back. Default: none. */
  readonly held?: ReadonlyArray<string>
  /**
   * The recorded changes that may be the cause, the likeliest first. Absent where changes are not recorded. The values
   * are as they are in the cluster: redact them before they leave the process (`evidence/SuspectEvidence`).
   */
  readonly suspects?: Suspects
  /**
   * The latest actions on the target, newest first, in the full context of level 0. Absent at the other levels, and
   * where they could not be read.
   */
  readonly history?: ReadonlyArray<PastAction>
  /** Further evidence from the cluster. The chain adds it for investigators that set `needsEvidence`. */
  readonly evidence?: Evidence
  /** What the tiers before had found when they failed. */
  readonly partial?: ReadonlyArray<PartialFindings>
  /**
   * Takes a finding as soon as it is made. If this investigator fails, or its time is over, the next tier gets what it
   * has found. The chain sets it.
   */
  readonly onFinding?: (finding: Finding) => void
  /**
   * To be called when the request is sent, and at each sign that the peer works, such as a part of its response. If
   * none comes for a while, another model may be asked beside it (`chain/Hedge`). The chain sets it.
   */
  readonly onSign?: () => void
  /**
   * Counts each call to a model, and refuses one that exceeds a budget. The chain sets it. Call your model through it,
   * and tell it the tokens of a response by `ModelUsage.ReportUsage`: otherwise nobody counts what you spend.
   */
  readonly meter?: Meter
}

/** See `InvestigatorError`. */
export const InvestigatorErrorReason = Schema.Union([
  Schema.TaggedStruct("Unavailable", {
    status: Schema.optionalKey(Schema.Int),
    retryAfterMs: Schema.optionalKey(Schema.Finite),
    /** There was no connection to send the request on. */
    unsent: Schema.optionalKey(Schema.Literal(true))
  }),
  /** The key is not known; `forbidden`: it is known, and may not do this. */
  Schema.TaggedStruct("Authentication", { forbidden: Schema.optionalKey(Schema.Boolean) }),
  /** The peer took our key, and its own model rejected the peer's key. */
  Schema.TaggedStruct("UpstreamAuthentication", {}),
  Schema.TaggedStruct("Timeout", {}),
  /** The peer took the request and showed no sign of work in the time for it, or ended its answer without one. */
  Schema.TaggedStruct("Silent", {}),
  /** `problem` says which rule the answer broke, and never quotes it. */
  Schema.TaggedStruct("InvalidAnswer", { problem: Schema.String }),
  Schema.TaggedStruct("RateLimited", { retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  /** The account has no money left; `retryAfterMs`: until then, if the peer says so. */
  Schema.TaggedStruct("QuotaExhausted", { retryAfterMs: Schema.optionalKey(Schema.Finite) }),
  /**
   * `share`: how much of the request would fit, below 1, if the peer says so. `unsent`: it is too long by our own
   * count, and was not sent.
   */
  Schema.TaggedStruct("ContextOverflow", {
    tokens: Schema.Int,
    limit: Schema.Int,
    share: Schema.optionalKey(Schema.Finite),
    unsent: Schema.optionalKey(Schema.Literal(true))
  }),
  Schema.TaggedStruct("Refused", {}),
  /** It used all the steps that it may take, and has no answer. */
  Schema.TaggedStruct("StepLimit", {}),
  /** It made the same tool call again and again. */
  Schema.TaggedStruct("ToolLoop", {}),
  /** The request is at fault (400, 422; `unsent`: it could not even be sent). This says nothing about the peer's health. */
  Schema.TaggedStruct("BadRequest", { unsent: Schema.optionalKey(Schema.Literal(true)) }),
  /** The call was not made: a budget has no room for it. `isRepeat`: the attempt had made another one before. */
  Schema.TaggedStruct("OverBudget", { used: UsedUp, isRepeat: Schema.optionalKey(Schema.Literal(true)) }),
  /** The file of the key cannot be read, or is empty. Nothing was sent, so it says nothing about the peer. */
  Schema.TaggedStruct("KeyUnreadable", {}),
  /** Another tier has answered meanwhile, so that it was interrupted (`chain/Hedge`). This says nothing about the peer. */
  Schema.TaggedStruct("Overtaken", {}),
  /** No rule matches the alert. */
  Schema.TaggedStruct("NoRule", {})
])
export type InvestigatorErrorReason = typeof InvestigatorErrorReason.Type

/** Whether nothing has reached the peer, so that the reason says nothing about it, and cost nothing. */
export const isNotSent = (reason: InvestigatorErrorReason): boolean => "unsent" in reason && reason.unsent === true

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
 * bulkhead) comes with the chain, so `investigate` makes one attempt and has no timeout of its own. One that throws,
 * dies or fails with another error has failed with reason `defect`, which its breaker counts.
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
  /**
   * Identifies the account that it uses, such as a digest of its key (`models/PeerIdentity`). What one tier finds out
   * about an account holds for all tiers of it. Default: an account of its own.
   */
  readonly account?: string
  /**
   * The host and port of its server, so that a server which cannot be reached is not tried again under another name.
   * Default: not known.
   */
  readonly host?: string
  readonly investigate: (request: InvestigationRequest) => Effect.Effect<Investigation, InvestigatorError>
  /**
   * Whether its key is another one than at the last call; absent where the key cannot change. Asked while its account
   * is suspended for a rejected key. It has one second.
   */
  readonly hasNewKey?: Effect.Effect<boolean>
  /**
   * A cheap request that succeeds when the peer responds again; absent when the peer has none. `countsAsFailure` only
   * if it shows an outage: no response, or a failure of the server. One that is refused (401, 403, 404, 429) shows
   * nothing.
   */
  readonly probe?: Effect.Effect<void, InvestigatorError>
}

/** The name of an investigator's pipeline, breaker and metrics: `holmesgpt`, `llm:<provider>`, `custom`, `rules`. */
export const serviceName = ({ name, provider }: Pick<Investigator, "name" | "provider">): string =>
  provider === undefined ? name : `${name}:${provider}`
