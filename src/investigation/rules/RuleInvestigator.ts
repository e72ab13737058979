/**
 * The last tier: rules instead of a model. Local, pure but for the history it asks, and always there.
 *
 * **Details** — the source document's decision tree:
 *
 * 1. Severity maps to a category: critical → immediate action, warning → standard remediation, info and none → monitoring
 *    only. For the last, a rule's action is never proposed, only told.
 * 2. The rules are tried in order by alert name, namespace, labels, kind and observed facts (`Rulebook`).
 * 3. The rule's action is made from what is known about the target. Where that does not suffice (no limit to raise, no
 *    autoscaler), the next rule is tried.
 * 4. An action that fixed this alert in fewer than a third of its verified uses of the last week is passed over, once
 *    there are five of them, and a better record raises confidence.
 *
 * For most alerts the answer is `Notify` with what to look at first, and that is the right answer.
 */

import { Clock, Effect } from "effect"
import type { Action, ActionType } from "../../domain/Action.ts"
import { appliesToItsTarget } from "../../domain/Action.ts"
import type { Severity } from "../../domain/Alert.ts"
import type { Investigation } from "../../domain/Investigation.ts"
import type { ActionRecord } from "../../domain/PastAction.ts"
import { resourceRef } from "../../domain/Target.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import { parseQuantity } from "../../kubernetes/ObjectModel.ts"
import { empty } from "../evidence/Evidence.ts"
import { type InvestigationRequest, type Investigator, InvestigatorError } from "../Investigator.ts"
import type { Fact, Rule, RuleAction } from "./Rulebook.ts"
import { factsOf, reasonsOf } from "./RuleFacts.ts"

export type Category = "immediate" | "standard" | "monitoring-only"

export interface Options {
  readonly rules: ReadonlyArray<Rule>
  /**
   * The verified uses of an action against this alert since then; `undefined` where that can't be told. Absent: no
   * history is considered.
   */
  readonly recordOf?: (
    alertName: string,
    action: ActionType,
    since: Timestamp.Timestamp
  ) => Effect.Effect<ActionRecord | undefined>
}

/** An action whose share of fixes is below this is not proposed by rules. */
export const minimumSuccessRate = 1 / 3
/** Fewer verified uses say too little: one workload's bad hour would end an action for the whole cluster. */
export const minimumUses = 5
/**
 * What is older does not count, so an action that was given up is tried again: the reason why it did not help may be
 * gone.
 */
export const recordWindowMs = 7 * 24 * 60 * 60 * 1000

/** The share of uses that fixed, 0 to 1; `undefined` where there are too few to tell. */
export const successRateOf = (record: ActionRecord | undefined): number | undefined =>
  record === undefined || record.verified < minimumUses ? undefined : record.fixed / record.verified

export const categoryOf = (severity: Severity): Category =>
  ({ critical: "immediate", warning: "standard", info: "monitoring-only", none: "monitoring-only" } as const)[severity]

/** Whether a text matches a pattern in which `*` stands for any run of characters. Case counts. */
export const matchesPattern = (pattern: string, text: string): boolean => {
  const parts = pattern.split("*")
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  if (parts.length === 1) return pattern === text
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
  let from = first.length
  for (const part of parts.slice(1, -1)) {
    const at = text.indexOf(part, from)
    if (at < 0 || at + part.length > text.length - last.length) return false
    from = at + part.length
  }
  return true
}

const anyOf = (patterns: ReadonlyArray<string> | undefined, text: string): boolean =>
  patterns === undefined || patterns.some((pattern) => matchesPattern(pattern, text))

/** Whether a rule speaks about this request. */
export const matches = ({ match }: Rule, { alert, target }: InvestigationRequest, facts: ReadonlySet<Fact>): boolean =>
  anyOf(match.alerts, alert.name)
  && (match.severities === undefined || match.severities.includes(alert.severity))
  && anyOf(match.namespaces, target.namespace)
  && anyOf(match.kinds, target.kind)
  && Object.entries(match.labels ?? {}).every(([name, pattern]) => matchesPattern(pattern, alert.labels[name] ?? ""))
  && (match.facts ?? []).every((fact) => facts.has(fact))

const raiseMemory = (
  request: InvestigationRequest,
  rule: Extract<RuleAction, { type: "AdjustResources" }>
): Action | undefined => {
  const { alert, evidence = empty, target } = request
  const killed = evidence.failing.find(
    (container) => container.reason === "OOMKilled" || container.lastReason === "OOMKilled"
  )?.container
  const only = evidence.containers.length === 1 ? evidence.containers[0]?.name : undefined
  const container = evidence.containers.find(({ name }) => name === (killed ?? alert.labels["container"] ?? only))
  const limit = parseQuantity(container?.limits["memory"])
  const maximum = parseQuantity(rule.maximum)
  if (container === undefined || limit === undefined || maximum === undefined) return undefined
  const raisedMi = Math.floor(Math.min(limit * rule.factor, maximum) / 2 ** 20)
  if (raisedMi * 2 ** 20 <= limit) return undefined
  return {
    type: "AdjustResources",
    target: resourceRef(target),
    container: container.name,
    limits: { memory: `${raisedMi}Mi` }
  }
}

const raiseMaximum = (
  { evidence = empty, target }: InvestigationRequest,
  rule: Extract<RuleAction, { type: "PatchHpa" }>
): Action | undefined => {
  if (evidence.autoscaler === null) return undefined
  const { maxReplicas, name } = evidence.autoscaler
  const raised = Math.min(Math.ceil(maxReplicas * rule.factor), rule.maximum)
  return raised <= maxReplicas
    ? undefined
    : {
        type: "PatchHpa",
        target: { namespace: target.namespace, kind: "HorizontalPodAutoscaler", name },
        maxReplicas: raised
      }
}

const rollback = ({ evidence = empty, target }: InvestigationRequest): Action => {
  // Where an earlier revision still serves, that one is known to work; else the executor takes the newest before the
  // current.
  const serving = evidence.revisions.find((revision) => !revision.current && revision.readyReplicas > 0)
  return {
    type: "RollbackDeployment",
    target: resourceRef(target),
    ...(serving === undefined ? {} : { toRevision: serving.revision })
  }
}

const evict = ({ alert, observed, target }: InvestigationRequest): Action | undefined => {
  const broken = (observed?.pods ?? []).filter((pod) => !pod.ready)
  const name = alert.labels["pod"] ?? (broken.length === 1 ? broken[0]?.name : undefined)
  // A pod that is no longer there is nothing to evict.
  if (name === undefined || observed?.pods.some((pod) => pod.name === name) !== true) return undefined
  return { type: "EvictPod", target: { namespace: target.namespace, kind: "Pod", name } }
}

// A target of kind `Alert` is no object of the cluster, so that there is nothing to be read.
const isUnread = ({ observed, target }: InvestigationRequest): boolean => observed === null && target.kind !== "Alert"

const notify = (request: InvestigationRequest, rule: Rule): Action => ({
  type: "Notify",
  target: resourceRef(request.target),
  reason: `${isUnread(request) ? "The target could not be read, so only the alert is known. " : ""}${rule.cause} First: ${rule.check}`
})

/** The action of a rule on this target; `undefined` where what is known does not suffice for it. */
export const actionOf = (rule: Rule, request: InvestigationRequest): Action | undefined => {
  const target = resourceRef(request.target)
  const action = ((): Action | undefined => {
    switch (rule.action.type) {
      case "Notify":
        return notify(request, rule)
      case "CollectDiagnostics":
      case "RestartWorkload":
        return { type: rule.action.type, target }
      case "RollbackDeployment":
        return rollback(request)
      case "EvictPod":
        return evict(request)
      case "AdjustResources":
        return raiseMemory(request, rule.action)
      case "PatchHpa":
        return raiseMaximum(request, rule.action)
    }
  })()
  return action !== undefined && appliesToItsTarget(action) ? action : undefined
}

const seen = (request: InvestigationRequest, facts: ReadonlySet<Fact>): ReadonlyArray<string> => {
  const { observed } = request
  const reasons = [...reasonsOf(request)]
  return [
    observed === null
      ? "The target's state could not be read."
      : !observed.exists
        ? "The target does not exist."
        : observed.desiredReplicas === null
          ? "The target exists."
          : `${observed.readyReplicas ?? 0} of ${observed.desiredReplicas} replicas are ready.`,
    ...(reasons.length === 0 ? [] : [`Pods report ${reasons.join(", ")}.`]),
    ...(facts.size === 0 ? [] : [`Facts: ${[...facts].join(", ")}.`])
  ]
}

const answer = (
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
    rootCause: rule.cause,
    evidence: [
      `Severity ${request.alert.severity}: ${category.replace("-", " ")}.`,
      ...seen(request, facts),
      ...(rate === undefined
        ? []
        : [`${action.type} fixed this alert in ${Math.round(rate * 100)} % of its verified uses.`]),
      `First: ${rule.check}`
    ],
    action,
    // No record leaves confidence as it is; a record of r scales it to between a half and all of it.
    confidence: rate === undefined ? confidence : confidence * (0.5 + rate / 2)
  }
}

/** Makes the investigator from resolved rules. */
export const make = (options: Options): Investigator => {
  const recordOf = options.recordOf ?? (() => Effect.undefined)
  const investigate: Investigator["investigate"] = Effect.fnUntraced(function* (request) {
    const facts = factsOf(request)
    const isMonitoringOnly = categoryOf(request.alert.severity) === "monitoring-only"
    for (const rule of options.rules) {
      if (!matches(rule, request, facts)) continue
      const action = actionOf(rule, request)
      if (action === undefined) continue
      if (action.type === "Notify" || isMonitoringOnly)
        return answer(request, rule, notify(request, rule), facts, undefined)
      const since = Timestamp.fromMillis((yield* Clock.currentTimeMillis) - recordWindowMs)
      const rate = successRateOf(yield* recordOf(request.alert.name, action.type, since))
      if (rate !== undefined && rate < minimumSuccessRate) continue
      return answer(request, rule, action, facts, rate)
    }
    return yield* new InvestigatorError({
      investigator: "rules",
      reason: { _tag: "NoRule" },
      retryable: false,
      countsAsFailure: false
    })
  })
  return { name: "rules", needsEvidence: true, investigate }
}
