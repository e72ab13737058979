/**
 * What is done about an investigated alert: a pure, total function of everything that has a say.
 *
 * From the top, the first line that applies:
 *
 * | situation                           | outcome  | rule                                                    |
 * | ----------------------------------- | -------- | ------------------------------------------------------- |
 * | severity info or none               | observe  | `monitor-only`                                          |
 * | a person said no                    | escalate | `rejected`                                              |
 * | nobody could say what is wrong      | escalate | `no-investigation`                                      |
 * | the proposal is `Notify`            | escalate | `notify`                                                |
 * | mode observe                        | observe  | `observe-mode`, and what the guardrails would have said |
 * | a guardrail blocks                  | escalate | the guardrail's                                         |
 * | a person said yes                   | execute  | `approved`                                              |
 * | mode approve, and the action writes | review   | `approve-mode`                                          |
 * | a guardrail asks                    | review   | the guardrail's                                         |
 * | else                                | execute  | `clear`                                                 |
 *
 * `CollectDiagnostics` writes nothing, so it needs no approval; it fixes nothing either, so what it found goes to a
 * person in the end. A person's yes lifts what asks for a person, and never what blocks.
 */

import { type Action, isReadOnly } from "../domain/Action.ts"
import type { Alert } from "../domain/Alert.ts"
import type { Decision, DecisionReason } from "../domain/Decision.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Investigation } from "../domain/Investigation.ts"
import type { Mode } from "../domain/Mode.ts"
import type { PastAction } from "../domain/PastAction.ts"
import type { ReviewAnswer } from "../domain/Review.ts"
import { resourceRef, type Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { entryOf } from "./ActionCatalog.ts"
import { findings, type GuardrailRule, type GuardrailSettings } from "./Guardrails.ts"

export interface DecisionInput {
  readonly alert: Alert
  readonly target: Target
  /** `undefined` when the whole chain was exhausted. */
  readonly investigation: Investigation | undefined
  readonly level: DegradationLevel
  readonly mode: Mode
  /** What the cluster says about the target; `null` where it could not be read. */
  readonly observed: WorkloadState | null
  /** The newest actions on the target, newest first. */
  readonly history: ReadonlyArray<PastAction>
  /** Actions begun on the cluster in `guardrails.actionsPerWindow.window`. */
  readonly actionsInWindow: number
  readonly guardrails: GuardrailSettings
  /** A person's answer to an earlier decision of this remediation. */
  readonly review?: ReviewAnswer
  readonly emergencyStop: boolean
  readonly nowMs: number
}

/** Every word that a `DecisionReason.rule` can be. */
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

const because = (rule: DecisionRule, message: string): DecisionReason => ({ rule, message })

/** What stands in a decision where no investigator proposed anything. */
const nothingProposed = (target: Target): Action => ({
  type: "Notify",
  target: resourceRef(target),
  reason: "No investigator could say what is wrong."
})

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

  if (alert.severity === "info" || alert.severity === "none") {
    return decision("observe", because("monitor-only", `Severity ${alert.severity} is for monitoring only.`))
  }
  if (review?.answer === "rejected") {
    return decision(
      "escalate",
      because("rejected", `${review.by} rejected the action${review.reason === undefined ? "." : `: ${review.reason}`}`)
    )
  }
  if (investigation === undefined) {
    return decision("escalate", because("no-investigation", "No investigator could say what is wrong."))
  }
  if (action.type === "Notify") return decision("escalate", because("notify", action.reason))

  const found = findings({ ...input, investigation })
  const reasons = found.map((finding) => finding.reason)
  if (mode === "observe") {
    return decision("observe", because("observe-mode", "The mode is observe: nothing is carried out."), ...reasons)
  }
  if (found.some((finding) => finding.effect === "block")) return decision("escalate", ...reasons)
  if (review?.answer === "approved") {
    return decision("execute", because("approved", `${review.by} approved the action.`), ...reasons)
  }
  if (mode === "approve" && !isReadOnly(action)) {
    return decision("review", because("approve-mode", "The mode is approve: a person decides."), ...reasons)
  }
  if (found.length > 0) return decision("review", ...reasons)
  return decision("execute", because("clear", "No guardrail objects."))
}
