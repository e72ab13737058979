/**
 * The last tier of the chain: rules instead of a model. They are local, read nothing but the history of actions, and
 * are always available.
 *
 * **Details** (`docs/requirements.md`, Rules)
 *
 * 1. Severity maps to a category: critical → immediate action, warning → standard remediation, info and none → monitoring
 *    only. In the last category a rule's action is never proposed; the rule notifies instead.
 * 2. A change before the alert that is clearly the cause is taken back, whatever the alert is (`SuspectedChange`). If two
 *    are equally likely, a person is told of both, and of one that Kubernaut has taken back already.
 * 3. Without one, the rules are tried in order by alert name, namespace, labels, kind and observed facts (`Rulebook`).
 *    Where a person has to take the cause back, no pod is replaced: another one would fail in the same way.
 * 4. The rule's action is made from the target's state and evidence. When these do not suffice (no limit to raise, no
 *    autoscaler), the next rule is tried.
 * 5. The history of the last week decides between the actions of the rules that match (`SuccessRate`): how often each one
 *    fixed this alert on targets of this kind. One that surely helps on fewer than a third of them is not proposed any
 *    more. A later one that surely helps more often goes first. Otherwise the order is that of the rulebook. Failures
 *    lower the confidence.
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
import { isClearlyBetter, keepsFailing, type SuccessRate, successRate } from "./SuccessRate.ts"
import { byChange, type ByChange } from "./SuspectedChange.ts"

/** How urgent an alert is to the rules. */
export type Category = "immediate" | "standard" | "monitoring-only"

/** The rules, and the history that weighs their actions. */
export interface Options {
  /** In the order in which they are tried: `Rulebook.standard`, `Rulebook.load` or your own. */
  readonly rules: ReadonlyArray<Rule>
  /**
   * What an action did against an alert on the targets of a kind since the given time, by the last verdict on each
   * target; `undefined` when it is not known. Absent: the history is not considered.
   */
  readonly recordOf?: (
    use: {
      readonly alertName: string
      readonly cluster: string
      readonly kind: string
      readonly action: ActionType
    },
    since: Timestamp.Timestamp
  ) => Effect.Effect<ActionRecord | undefined>
}

/** What a rule proposes, and how often that has helped. */
interface Candidate {
  readonly rule: Rule
  readonly action: Action
  readonly record: ActionRecord
  readonly rate: SuccessRate
}

/** Older uses do not count, so an action is tried again later: the reason why it did not help may be gone. */
const recordWindowMs = 7 * 24 * 60 * 60 * 1000

/** The actions after which the pods start again as they are. */
const replacesPods: ReadonlySet<ActionType> = new Set(["RestartWorkload", "EvictPod"])

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

const recordSentence = ({ action, record: { fixed, verified } }: Candidate): string =>
  `${action.type} fixed this alert on ${fixed} of ${verified} targets in the last week, by its last use on each.`

const investigationOf = (
  request: InvestigationRequest,
  { action, record, rate, rule }: Candidate,
  facts: ReadonlySet<Fact>,
  notProposed: ReadonlyArray<Candidate>
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
      ...(record.verified === 0 ? [] : [recordSentence({ action, record, rate, rule })]),
      ...notProposed.map((candidate) => `Not proposed: ${recordSentence(candidate)}`),
      `First: ${rule.check}`,
      ...findingText(request.suspects)
    ],
    action,
    // Scaled by what the action may still be worth: all of it without failures, and half of it where it never helps.
    confidence: confidence * (0.5 + rate.atMost / 2)
  }
}

const noUses: ActionRecord = { fixed: 0, verified: 0 }

type Proposal = Pick<Candidate, "rule" | "action">

/**
 * What the rules that match propose, in their order: actions, each type once, and the notification of the first rule
 * that only notifies. Later rules are more general, so they are not asked.
 */
const proposals = (
  rules: ReadonlyArray<Rule>,
  request: InvestigationRequest,
  facts: ReadonlySet<Fact>,
  { change, isMonitoringOnly }: { readonly change: ByChange | undefined; readonly isMonitoringOnly: boolean }
): { readonly acting: ReadonlyArray<Proposal>; readonly last?: Proposal } => {
  const acting: Array<Proposal> = []
  for (const rule of rules) {
    if (!matches(rule, request, facts)) continue
    const action = proposedAction(rule, request)
    if (action === undefined) continue
    if (change !== undefined && (action.type === "Notify" || replacesPods.has(action.type))) continue
    if (action.type === "Notify" || isMonitoringOnly) return { acting, last: { rule, action: notify(request, rule) } }
    if (!acting.some((earlier) => earlier.action.type === action.type)) acting.push({ rule, action })
  }
  return { acting }
}

/** The first candidate, unless a later one surely helps more often. */
const best = (candidates: ReadonlyArray<Candidate>): Candidate | undefined =>
  candidates.reduce<Candidate | undefined>(
    (chosen, next) => (chosen === undefined || isClearlyBetter(next.rate, chosen.rate) ? next : chosen),
    undefined
  )

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

  const judged = Effect.fnUntraced(function* ({ alert, target }: InvestigationRequest, { action, rule }: Proposal) {
    const since = Timestamp.fromMillis((yield* Clock.currentTimeMillis) - recordWindowMs)
    const use = { alertName: alert.name, cluster: target.cluster, kind: target.kind, action: action.type }
    const record = (yield* recordOf(use, since)) ?? noUses
    return { rule, action, record, rate: successRate(record) } satisfies Candidate
  })

  const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
    const facts = factsOf(request)
    const isMonitoringOnly = categoryOf(request.alert.severity) === "monitoring-only"
    const change = isMonitoringOnly ? undefined : byChange(request)
    if (change !== undefined && change.rule !== "suspect-needs-person")
      return investigationByChange(request, change, facts)
    const { acting, last } = proposals(options.rules, request, facts, { isMonitoringOnly, change })
    const candidates = yield* Effect.forEach(acting, (proposal) => judged(request, proposal))
    const chosen = best(candidates.filter(({ rate }) => !keepsFailing(rate)))
    const failing = candidates.filter(({ rate }) => keepsFailing(rate))
    if (chosen !== undefined) return investigationOf(request, chosen, facts, failing)
    if (last !== undefined)
      return investigationOf(request, { ...last, record: noUses, rate: successRate(noUses) }, facts, failing)
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
