/**
 * Decides what happens to an investigated alert: a pure, total function of everything that the decision depends on.
 *
 * The first line that applies decides:
 *
 * | situation                            | outcome  | rule                                                  |
 * | ------------------------------------ | -------- | ----------------------------------------------------- |
 * | severity info or none                | observe  | `monitor-only`                                        |
 * | a person has rejected the action     | escalate | `rejected`                                            |
 * | no investigator identified the cause | escalate | `no-investigation`                                    |
 * | the proposal is `Notify`             | escalate | `notify`                                              |
 * | mode observe                         | observe  | `observe-mode`, then the findings of the guardrails   |
 * | a guardrail blocks                   | escalate | the guardrail's                                       |
 * | a person has approved the action     | execute  | `approved`, then the findings that the approval lifts |
 * | mode approve, and the action writes  | review   | `approve-mode`, then the findings of the guardrails   |
 * | a guardrail asks                     | review   | the guardrail's                                       |
 * | otherwise                            | execute  | `clear`                                               |
 *
 * `CollectDiagnostics` writes nothing, so it needs no approval. It does not fix anything either, so the alert is then
 * escalated with the collected text.
 */

import { type Action, isReadOnly } from "../domain/Action.ts"
import { type Alert, isMonitorOnly } from "../domain/Alert.ts"
import type { Decision, DecisionReason } from "../domain/Decision.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Investigation } from "../domain/Investigation.ts"
import type { Mode } from "../domain/Mode.ts"
import type { PastAction } from "../domain/PastAction.ts"
import type { ReviewAnswer } from "../domain/Review.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { entryOf } from "./ActionCatalog.ts"
import { controlledBy, findings, type GuardrailRule } from "./Guardrails.ts"
import type { GuardrailSettings } from "./GuardrailSettings.ts"

/** Everything that a decision depends on. */
export interface DecisionInput {
  readonly alert: Alert
  readonly target: Target
  /** `undefined` if every hop of the chain failed. */
  readonly investigation: Investigation | undefined
  readonly level: DegradationLevel
  readonly mode: Mode
  /** The target's state; `null` if it could not be read. */
  readonly observed: WorkloadState | null
  /** The latest actions on the target, newest first. */
  readonly history: ReadonlyArray<PastAction>
  /** How many actions started on the cluster within `guardrails.actionsPerWindow.window`. */
  readonly actionsInWindow: number
  readonly guardrails: GuardrailSettings
  /** A person's review of an earlier decision of this remediation. */
  readonly review?: ReviewAnswer
  readonly emergencyStop: boolean
  readonly nowMs: number
}

/** The codes of `DecisionReason.rule`. */
export type DecisionRule =
  | GuardrailRule
  | "monitor-only"
  | "rejected"
  | "no-investigation"
  | "notify"
  | "observe-mode"
  | "approved"
  | "approve-mode"
  | "clear"

const reason = (rule: DecisionRule, message: string): DecisionReason => ({ rule, message })

/** The action of a decision without a proposal. */
const nothingProposed = (target: Target, reason = "No investigator identified the cause."): Action => ({
  type: "Notify",
  target: resourceRef(target),
  reason
})

/** The decision about an alert that is only monitored. It needs no investigation and no state of the target. */
export const monitorOnly = ({
  alert,
  investigation,
  target
}: Pick<DecisionInput, "alert" | "target"> & { readonly investigation?: Investigation | undefined }): Decision => {
  const message = `Alerts of severity ${alert.severity} are only monitored.`
  const action = investigation?.action ?? nothingProposed(target, message)
  return {
    outcome: "observe",
    action,
    risk: entryOf(action.type).risk,
    confidence: investigation?.confidence ?? 0,
    reasons: [reason("monitor-only", message)]
  }
}

/** Decides what happens to an alert; see the table above. */
export const decide = (input: DecisionInput): Decision => {
  const { alert, investigation, mode, review, target } = input
  const action = investigation?.action ?? nothingProposed(target)
  const decision = (outcome: Decision["outcome"], ...reasons: ReadonlyArray<DecisionReason>): Decision => ({
    outcome,
    action,
    risk: entryOf(action.type).risk,
    confidence: investigation?.confidence ?? 0,
    reasons
  })

  if (isMonitorOnly(alert.severity)) return monitorOnly(input)
  if (review?.answer === "rejected") {
    return decision(
      "escalate",
      reason("rejected", `${review.by} rejected the action${review.reason === undefined ? "." : `: ${review.reason}`}`)
    )
  }
  if (investigation === undefined) {
    return decision("escalate", reason("no-investigation", "No investigator identified the cause."))
  }
  if (action.type === "Notify") {
    const controlled = controlledBy(input.observed)
    return decision(
      "escalate",
      reason("notify", action.reason),
      ...(controlled === undefined ? [] : [reason("managed-object", controlled)])
    )
  }

  const found = findings({ ...input, investigation })
  const reasons = found.map((finding) => finding.reason)
  if (mode === "observe") {
    return decision("observe", reason("observe-mode", "The mode is observe, so no action is carried out."), ...reasons)
  }
  if (found.some((finding) => finding.effect === "block")) return decision("escalate", ...reasons)
  if (review?.answer === "approved") {
    return decision("execute", reason("approved", `${review.by} approved the action.`), ...reasons)
  }
  if (mode === "approve" && !isReadOnly(action)) {
    return decision(
      "review",
      reason("approve-mode", "The mode is approve, so every action needs an approval."),
      ...reasons
    )
  }
  if (found.length > 0) return decision("review", ...reasons)
  return decision("execute", reason("clear", "No guardrail applies."))
}
