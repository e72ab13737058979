/**
 * The last tier of the chain: rules instead of a model. They are local, read nothing but the history of actions, and
 * are always available.
 *
 * **Details** (`docs/requirements.md`, Rules)
 *
 * 1. Severity maps to a category: critical → immediate action, warning → standard remediation, info and none → monitoring
 *    only. In the last category a rule's action is never proposed; the rule notifies instead.
 * 2. A change before the alert that is clearly the cause is taken back, whatever the alert is (`SuspectedChange`). If two
 *    are equally likely, a person is told of both.
 * 3. Without one, the rules are tried in order by alert name, namespace, labels, kind and observed facts (`Rulebook`).
 *    Where a person has to take the cause back, no pod is replaced: another one would fail in the same way.
 * 4. The rule's action is made from the target's state and evidence. When these do not suffice (no limit to raise, no
 *    autoscaler), the next rule is tried.
 * 5. An action that fixed this alert in fewer than a third of its verified uses in the last week is skipped, once there
 *    are five of them. A better record raises confidence.
 *
 * Most alerts get a `Notify` that says what to check first, and that is the right result.
 */

import { Clock, Effect } from "effect"
import type { Action, ActionType } from "../../domain/Action.ts"
import type { Severity } from "../../domain/Alert.ts"
import type { Investigation } from "../../domain/Investigation.ts"
import type { ActionRecord } from "../../domain/PastAction.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { findingText } from "../evidence/ChangeText.ts"
import { redact } from "../evidence/Redaction.ts"
import { type InvestigationRequest, type Investigator, InvestigatorError } from "../Investigator.ts"
import { causeOf, notify, proposedAction } from "./ProposedAction.ts"
import type { Fact, Rule } from "./Rulebook.ts"
import { earlierReasonsOf, factsOf, failedCreateOf, reasonsOf } from "./RuleFacts.ts"
import { matches } from "./RuleMatch.ts"
import { byChange, type ByChange } from "./SuspectedChange.ts"

/** How urgent an alert is to the rules. */
export type Category = "immediate" | "standard" | "monitoring-only"

/** The rules, and the history that weighs their actions. */
export interface Options {
  /** In the order in which they are tried: `Rulebook.standard`, `Rulebook.load` or your own. */
  readonly rules: ReadonlyArray<Rule>
  /**
   * The verified uses of an action on this alert since the given time; `undefined` when they are not known. Absent: the
   * history is not considered.
   */
  readonly recordOf?: (
    alertName: string,
    action: ActionType,
    since: Timestamp.Timestamp
  ) => Effect.Effect<ActionRecord | undefined>
}

/** Rules do not propose an action with a lower share of fixes. */
const minimumSuccessRate = 1 / 3
/** Fewer verified uses prove too little: one workload's bad hour would end an action for the whole cluster. */
const minimumUses = 5
/** Older uses do not count, so an action is tried again later: the reason why it did not help may be gone. */
const recordWindowMs = 7 * 24 * 60 * 60 * 1000

/** The actions after which the pods start again as they are. */
const replacesPods: ReadonlySet<ActionType> = new Set(["RestartWorkload", "EvictPod"])

/** The share of uses that fixed the alert, 0 to 1; `undefined` when there are too few uses. */
const successRateOf = (record: ActionRecord | undefined): number | undefined =>
  record === undefined || record.verified < minimumUses ? undefined : record.fixed / record.verified

/** The category of a severity. */
export const categoryOf = (severity: Severity): Category =>
  ({ critical: "immediate", warning: "standard", info: "monitoring-only", none: "monitoring-only" } as const)[severity]

/** Which revision of the target is new, and how far its rollout is. */
const rolloutSentence = (observed: WorkloadState): string | undefined => {
  const { revision, rollout } = observed
  if (rollout === undefined || rollout === null || !rollout.inProgress) return undefined
  const name = revision === null ? "the newest revision" : `revision ${revision}`
  const begun = rollout.startedAt === null ? "" : ` It began at ${rollout.startedAt}.`
  const state = rollout.deadlineExceeded
    ? "has made no progress within its deadline"
    : rollout.paused
      ? "is paused"
      : "is under way"
  // The controller numbers a revision when it sees it.
  return rollout.templateHash === null
    ? "A rollout has begun, and its first pod does not exist yet."
    : `The rollout of ${name} ${state}.${begun}`
}

const reasonsSentence = (whose: string, reasons: ReadonlySet<string>): ReadonlyArray<string> =>
  reasons.size === 0 ? [] : [`${whose} report ${[...reasons].join(", ")}.`]

/** The state of the target in sentences. */
const observations = (request: InvestigationRequest, facts: ReadonlySet<Fact>): ReadonlyArray<string> => {
  const { observed } = request
  const rollout = observed === null ? undefined : rolloutSentence(observed)
  const refusal = failedCreateOf(request)
  return [
    observed === null
      ? "The target's state could not be read."
      : !observed.exists
        ? "The target does not exist."
        : observed.desiredReplicas === null
          ? "The target exists."
          : `${observed.readyReplicas ?? 0} of ${observed.desiredReplicas} replicas are ready.`,
    ...(rollout === undefined ? [] : [rollout]),
    ...reasonsSentence(rollout === undefined ? "Pods" : "Pods of the newest revision", reasonsOf(request)),
    ...reasonsSentence("Pods of earlier revisions", earlierReasonsOf(request)),
    ...(refusal === null ? [] : [`Pods cannot be created (FailedCreate): ${redact(refusal)}`]),
    ...(facts.size === 0 ? [] : [`Facts: ${[...facts].join(", ")}.`])
  ]
}

/** The findings by change. The confidence is that of any other action of a rule, so it may run automatically. */
const investigationByChange = (
  request: InvestigationRequest,
  { action, cause, rule }: ByChange,
  facts: ReadonlySet<Fact>
): Investigation => ({
  investigator: "rules",
  rule,
  rootCause: cause,
  evidence: [
    `Severity ${request.alert.severity}: ${categoryOf(request.alert.severity).replace("-", " ")}.`,
    ...observations(request, facts),
    ...findingText(request.suspects),
    ...(request.suspects?.ranked[0]?.reasons ?? []).map(redact)
  ],
  action,
  confidence: action.type === "Notify" ? 0.3 : 0.5
})

const investigationOf = (
  request: InvestigationRequest,
  rule: Rule,
  action: Action,
  facts: ReadonlySet<Fact>,
  rate: number | undefined
): Investigation => {
  const category = categoryOf(request.alert.severity)
  const confidence = rule.confidence ?? (action.type === "Notify" ? 0.3 : 0.5)
  return {
    investigator: "rules",
    rule: rule.name,
    rootCause: causeOf(rule, request),
    evidence: [
      `Severity ${request.alert.severity}: ${category.replace("-", " ")}.`,
      ...observations(request, facts),
      ...(rate === undefined
        ? []
        : [`${action.type} fixed this alert in ${Math.round(rate * 100)} % of its verified uses.`]),
      `First: ${rule.check}`,
      ...findingText(request.suspects)
    ],
    action,
    // Without a record, confidence stays as it is. A success rate of r scales it to between half and all of it.
    confidence: rate === undefined ? confidence : confidence * (0.5 + rate / 2)
  }
}

/**
 * Makes the investigator from resolved rules. It fails with `NoRule` when no rule matches.
 *
 * **When to use**
 *
 * In a chain of your own. `Kubernaut.layer` adds the rules as the last tier by itself.
 *
 * **Example** (the default rulebook alone)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InvestigationChain, Rulebook } from "kubernaut"
 * import * as RuleInvestigator from "./RuleInvestigator.ts"
 *
 * const chain = Effect.flatMap(Rulebook.standard, ({ rules }) =>
 *   InvestigationChain.make({ investigators: [RuleInvestigator.make({ rules })] })
 * )
 * const { tiers } = await Effect.runPromise(chain)
 * tiers.map(({ service }) => service) // => ["rules"]
 * ```
 */
export const make = (options: Options): Investigator => {
  const recordOf = options.recordOf ?? (() => Effect.undefined)
  const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
    const facts = factsOf(request)
    const isMonitoringOnly = categoryOf(request.alert.severity) === "monitoring-only"
    const change = isMonitoringOnly ? undefined : byChange(request)
    if (change !== undefined && change.rule !== "suspect-needs-person")
      return investigationByChange(request, change, facts)
    for (const rule of options.rules) {
      if (!matches(rule, request, facts)) continue
      const action = proposedAction(rule, request)
      if (action === undefined) continue
      if (change !== undefined && (action.type === "Notify" || replacesPods.has(action.type))) continue
      if (action.type === "Notify" || isMonitoringOnly)
        return investigationOf(request, rule, notify(request, rule), facts, undefined)
      const since = Timestamp.fromMillis((yield* Clock.currentTimeMillis) - recordWindowMs)
      const rate = successRateOf(yield* recordOf(request.alert.name, action.type, since))
      if (rate !== undefined && rate < minimumSuccessRate) continue
      return investigationOf(request, rule, action, facts, rate)
    }
    if (change !== undefined) return investigationByChange(request, change, facts)
    return yield* new InvestigatorError({
      investigator: "rules",
      reason: { _tag: "NoRule" },
      retryable: false,
      countsAsFailure: false
    })
  })
  return { name: "rules", needsEvidence: true, investigate }
}
