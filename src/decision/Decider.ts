/**
 * Decides what happens to an investigated alert: a pure, total function of everything that the decision depends on.
 *
 * The first line that applies decides:
 *
 * | situation                                  | outcome     | rule                                                      |
 * | ------------------------------------------ | ----------- | --------------------------------------------------------- |
 * | severity info or none                      | observe     | `monitor-only`                                            |
 * | the named object's owner is unread         | escalate    | `owner-unread`                                            |
 * | a person has rejected the action           | escalate    | `rejected`                                                |
 * | no investigator was asked, at level 3      | escalate    | `emergency-level`                                         |
 * | no investigator identified the cause       | escalate    | `no-investigation`                                        |
 * | the proposal is `Notify`                   | escalate    | `notify`                                                  |
 * | mode observe                               | observe     | `observe-mode`, then the findings of the guardrails       |
 * | a guardrail blocks                         | escalate    | the guardrail's                                           |
 * | the proposal is outdated                   | investigate | `changed-since-investigation`, `outdated-investigation`   |
 * | it was outdated `maxInvestigations` times  | escalate    | `keeps-changing`, then why it is outdated                 |
 * | nothing asks, and the mode is auto         | execute     | `clear`                                                   |
 * | the plan would go on with a rollout loop   | escalate    | `rollout-loop`                                            |
 * | an approval covers the action and the asks | execute     | `approved`, then the findings that the approval lifts     |
 * | a person was asked `maxQuestions` times    | escalate    | `asked-too-often`, then the findings                      |
 * | an approval covers something else          | review      | `changed-since-approval`, then as in the lines below      |
 * | an approval has expired                    | review      | `approval-expired`, then as in the lines below            |
 * | mode approve, and the action writes        | review      | `approve-mode`, then the findings of the guardrails       |
 * | a guardrail or the plan asks               | review      | the findings of the guardrails, then the asks of the plan |
 *
 * An approval covers exactly what the person saw: the action, the figures of its plan, and the findings. If one of them
 * is new, or has other figures, the person is asked again. "Scale to 5" that was approved for 3 replicas is not
 * approved for 30.
 *
 * The caller decides twice: first without a plan, and if the outcome is `execute` or `review` again with the findings
 * of the plan. The second decision is never bolder than the first.
 *
 * An action that does not fit into its namespace is decided about once more as an `alternative` (`Alternatives`): by
 * the same lines, and the last reason says what it replaces.
 *
 * `CollectDiagnostics` writes nothing, so it needs no approval. It does not fix anything either, so the alert is then
 * escalated with the collected text.
 */

import { Equal } from "effect"
import { type Action, isReadOnly } from "../domain/Action.ts"
import { type Alert, isMonitorOnly } from "../domain/Alert.ts"
import { type Decision, type DecisionReason, type Figures, sameFigures, sameFinding } from "../domain/Decision.ts"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import type { Investigation } from "../domain/Investigation.ts"
import type { Mode } from "../domain/Mode.ts"
import type { EndedAction, PastAction } from "../domain/PastAction.ts"
import type { NodePlaces } from "../domain/Places.ts"
import type { Approval, ReviewAnswer } from "../domain/Review.ts"
import type { Suspects } from "../domain/Suspects.ts"
import { displayName, resourceRef, type Target } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { entryOf } from "./ActionCatalog.ts"
import type { Alternative } from "./Alternatives.ts"
import { type Answer, maxInvestigations, whyOutdated } from "./Freshness.ts"
import type { GuardrailRule } from "./GuardrailRule.ts"
import { findings, type OutOfTurn } from "./Guardrails.ts"
import type { GuardrailSettings } from "./GuardrailSettings.ts"
import { controlledBy } from "./Management.ts"
import { describeLoop, loopOf } from "./RolloutLoop.ts"

/** What a plan adds to the decision. */
export interface PlanFindings {
  /** The objections to the plan that an approval lifts. */
  readonly asks: ReadonlyArray<DecisionReason>
  /** What the plan changes. Absent if nothing is known, because the plan failed. */
  readonly figures?: Figures
  /** Whether the plan writes anything. */
  readonly writes: boolean
  /** The fields that it writes, as in `domain/Writes`. Absent: nothing is known. */
  readonly fields?: ReadonlyArray<string>
}

/** Everything that a decision depends on. */
export interface DecisionInput {
  readonly alert: Alert
  readonly target: Target
  /** `undefined` if every hop of the chain failed. */
  readonly investigation: Investigation | undefined
  /** The changes that may be the cause, as the investigation found them. Absent: none is known. */
  readonly suspects?: Suspects
  readonly level: DegradationLevel
  readonly mode: Mode
  /** The target's state; `null` if it could not be read. */
  readonly observed: WorkloadState | null
  /** The latest actions on the target, newest first. */
  readonly history: ReadonlyArray<PastAction>
  /** Why the action's turn has not come in time. Absent: it has, or the action has not waited yet. */
  readonly outOfTurn?: OutOfTurn
  /** The actions on the cluster that have just ended, newest first. Default: none. */
  readonly ended?: ReadonlyArray<EndedAction>
  /** Where the nodes of the target are. Default: not known. */
  readonly nodePlaces?: NodePlaces
  readonly guardrails: GuardrailSettings
  /** Absent until the action has been planned. */
  readonly plan?: PlanFindings
  /** What is decided about instead of the investigation's proposal, because that does not fit. */
  readonly alternative?: Alternative
  /** What is known about the investigation. `undefined` if there was none. */
  readonly answer?: Answer | undefined
  /** What the plan found changed since the investigation. */
  readonly changed?: string
  /** A person's review of an earlier decision of this remediation. */
  readonly review?: ReviewAnswer
  /** What a person has approved. */
  readonly approval?: Approval
  /** An approval that has expired before it was used. It covers nothing. */
  readonly expired?: Approval
  /** How often a person was asked. Default 0. */
  readonly questions?: number
  readonly emergencyStop: boolean
  readonly nowMs: number
}

/** The codes of `DecisionReason.rule`. */
export type DecisionRule =
  | GuardrailRule
  | "monitor-only"
  | "owner-unread"
  | "rejected"
  | "no-investigation"
  | "notify"
  | "observe-mode"
  | "approved"
  | "changed-since-investigation"
  | "outdated-investigation"
  | "keeps-changing"
  | "changed-since-approval"
  | "approval-expired"
  | "asked-too-often"
  | "approve-mode"
  | "clear"
  | "alternative"

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

/** The decision about an alert whose target is not known, because the owner of the named object could not be read. */
export const ownerUnread = (target: Target, explanation: string): Decision => {
  const message = `The owner of ${displayName(target)} could not be read, so no action starts. ${explanation}`
  return {
    outcome: "escalate",
    action: nothingProposed(target, message),
    risk: "none",
    confidence: 0,
    reasons: [reason("owner-unread", message)]
  }
}

/**
 * How often one remediation asks a person. A state that changes after each approval needs a person at the cluster, not
 * another question.
 */
export const maxQuestions = 3

const text = (figures: Figures): string =>
  Object.keys(figures).length === 0
    ? "no change"
    : Object.entries(figures)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ")

/** Why the approval does not cover the proposal; `undefined` if it does. */
const uncovered = (
  { action: approved, by, figures, findings: seen }: Approval,
  action: Action,
  asks: ReadonlyArray<DecisionReason>,
  plan: PlanFindings | undefined
): string | undefined => {
  if (!Equal.equals(approved, action)) return `${by} approved another action: ${approved.type}.`
  if (plan?.writes === true && plan.figures !== undefined) {
    if (figures === undefined) return `${by} approved the action before its effect was known: ${text(plan.figures)}.`
    if (!sameFigures(figures, plan.figures))
      return `${by} approved the action for ${text(figures)}; now it means ${text(plan.figures)}.`
  }
  const unseen = asks.filter((ask) => !seen.some((finding) => sameFinding(finding, ask)))
  return unseen.length === 0
    ? undefined
    : `Since ${by} approved the action, there are new findings: ${unseen.map(({ rule }) => rule).join(", ")}.`
}

/** Why the proposal is about an earlier state; `undefined` if it is not, or if the action writes nothing. */
const whyInvestigateAgain = (
  { answer, changed, guardrails, nowMs, observed }: DecisionInput,
  action: Action
): DecisionReason | undefined => {
  if (isReadOnly(action) || observed === null) return undefined
  if (changed !== undefined) return reason("changed-since-investigation", changed)
  return answer === undefined
    ? reason("outdated-investigation", "It is not known when the alert was investigated.")
    : whyOutdated(answer, observed, guardrails.answerLifetime, nowMs)
}

type MakeDecision = (outcome: Decision["outcome"], ...reasons: ReadonlyArray<DecisionReason>) => Decision

const investigateAgain = ({ answer }: DecisionInput, outdated: DecisionReason, decision: MakeDecision): Decision =>
  answer !== undefined && answer.round >= maxInvestigations
    ? decision(
        "escalate",
        reason("keeps-changing", `${answer.round} investigations were outdated before an action could start.`),
        outdated
      )
    : decision("investigate", outdated)

/** Another action may have written the same fields, and may have been reverted. */
const loopWith = ({ guardrails, history, nowMs, observed }: DecisionInput, fields: ReadonlyArray<string>) =>
  loopOf(history, { fields }, observed, guardrails.giveUp.loopFor, nowMs)

/** Decides about an action that no guardrail blocks. */
const permit = (
  input: DecisionInput,
  action: Action,
  found: ReadonlyArray<DecisionReason>,
  decision: MakeDecision
): Decision => {
  const { approval, expired, mode, plan, questions = 0 } = input
  const loop = plan?.fields === undefined ? undefined : loopWith(input, plan.fields)
  if (loop !== undefined) return decision("escalate", reason("rollout-loop", describeLoop(action.type, loop)))
  const asks = [...found, ...(plan?.asks ?? [])]
  const always = mode === "approve" && !isReadOnly(action)
  if (asks.length === 0 && !always) return decision("execute", reason("clear", "No guardrail applies."))
  const shown = [
    ...(always ? [reason("approve-mode", "The mode is approve, so every action needs an approval.")] : []),
    ...asks
  ]
  const changed = approval && uncovered(approval, action, asks, plan)
  if (approval !== undefined && changed === undefined)
    return decision("execute", reason("approved", `${approval.by} approved the action.`), ...asks)
  const again = [
    ...(changed === undefined ? [] : [reason("changed-since-approval", changed)]),
    ...(expired?.expiresAt === undefined
      ? []
      : [
          reason(
            "approval-expired",
            `${expired.by} approved the action at ${expired.at}, but it did not start before the approval expired at ${expired.expiresAt}.`
          )
        ])
  ]
  if (questions >= maxQuestions) {
    const tooOften =
      expired === undefined
        ? `A person was asked ${questions} times, and the situation changed after each answer.`
        : `A person was asked ${questions} times, and no action could start in time.`
    return decision("escalate", reason("asked-too-often", tooOften), ...again, ...shown)
  }
  return { ...decision("review", ...again, ...shown), question: questions + 1 }
}

/** The investigation, with the action that is decided about. */
const proposalOf = ({ alternative, investigation }: DecisionInput): Investigation | undefined =>
  investigation === undefined || alternative === undefined
    ? investigation
    : { ...investigation, action: alternative.action }

const uninvestigated = reason(
  "emergency-level",
  "The service is in emergency mode (level 3), so the alert is stored and escalated, and nothing was investigated."
)

/** Blocks that may be there only because the target has changed since the investigation. */
const mayHaveChanged: ReadonlySet<string> = new Set(["other-target", "no-earlier-revision", "no-such-revision"])

/** Decides what happens to an alert; see the table above. */
export const decide = (input: DecisionInput): Decision => {
  const { alert, alternative, level, mode, review, target } = input
  const investigation = proposalOf(input)
  const action = investigation?.action ?? nothingProposed(target)
  const decision = (outcome: Decision["outcome"], ...reasons: ReadonlyArray<DecisionReason>): Decision => ({
    outcome,
    action,
    risk: entryOf(action.type).risk,
    confidence: investigation?.confidence ?? 0,
    reasons: alternative === undefined ? reasons : [...reasons, alternative.reason],
    ...(input.plan?.figures === undefined ? {} : { figures: input.plan.figures })
  })

  if (isMonitorOnly(alert.severity)) return monitorOnly(input)
  if (review?.answer === "rejected") {
    return decision(
      "escalate",
      reason("rejected", `${review.by} rejected the action${review.reason === undefined ? "." : `: ${review.reason}`}`)
    )
  }
  if (investigation === undefined) {
    return decision(
      "escalate",
      // Then nobody was asked.
      level === 3 ? uninvestigated : reason("no-investigation", "No investigator identified the cause.")
    )
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
  const blocks = found.filter((finding) => finding.effect === "block")
  // A part or a revision that is gone may show only that the target has changed since.
  if (blocks.some((finding) => !mayHaveChanged.has(finding.reason.rule))) return decision("escalate", ...reasons)
  const outdated = whyInvestigateAgain(input, action)
  if (outdated !== undefined) return investigateAgain(input, outdated, decision)
  if (blocks.length > 0) return decision("escalate", ...reasons)
  return permit(input, action, reasons, decision)
}
