/** The action that a rule proposes for a target, made from the target's state and evidence. Pure. */

import { type Action, appliesToItsTarget } from "../../domain/Action.ts"
import * as Quantity from "../../domain/Quantity.ts"
import { resourceRef } from "../../domain/Target.ts"
import { empty } from "../evidence/Evidence.ts"
import type { InvestigationRequest } from "../Investigator.ts"
import type { Rule, RuleAction } from "./Rulebook.ts"

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
  const limit = Quantity.parse(container?.limits["memory"])
  const maximum = Quantity.parse(rule.maximum)
  if (container === undefined || limit === undefined || maximum === undefined) return undefined
  const raised = Quantity.times(limit, rule.factor)
  const mebibyte = Quantity.unit << 20n
  const raisedMi = (raised < maximum ? raised : maximum) / mebibyte
  if (raisedMi * mebibyte <= limit) return undefined
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
  // An earlier revision that still serves is known to work. Without one, the executor takes the revision before the
  // current one.
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
  // A pod that no longer exists cannot be evicted.
  if (name === undefined || observed?.pods.some((pod) => pod.name === name) !== true) return undefined
  return { type: "EvictPod", target: { namespace: target.namespace, kind: "Pod", name } }
}

// A target of kind `Alert` is not an object of the cluster, so it has no state to read.
const isUnread = ({ observed, target }: InvestigationRequest): boolean => observed === null && target.kind !== "Alert"

/** Notifies a person of the cause and what to check first. */
export const notify = (request: InvestigationRequest, rule: Rule): Action => ({
  type: "Notify",
  target: resourceRef(request.target),
  reason: `${isUnread(request) ? "The target could not be read, so this is based on the alert alone. " : ""}${rule.cause} First: ${rule.check}`
})

/** The action of a rule on this target; `undefined` when the evidence does not suffice for it. */
export const proposedAction = (rule: Rule, request: InvestigationRequest): Action | undefined => {
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
