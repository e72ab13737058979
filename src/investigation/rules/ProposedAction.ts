/**
 * The action that a rule proposes for a target, made from the target's state and evidence. Pure.
 *
 * An action needs an object that shows the fault now, whatever the rule matches on:
 *
 * | action             | needs                                                                                        |
 * | ------------------ | -------------------------------------------------------------------------------------------- |
 * | RestartWorkload    | a target that exists, and no rollout that is under way                                       |
 * | RollbackDeployment | an earlier revision that serves, or is idle and none fails, and no rollout that is under way |
 * | EvictPod           | the named pod, or the only one that is not ready: it is broken now and has an owner          |
 * | AdjustResources    | a container of the newest revision that is OOM-killed now                                    |
 * | PatchHpa           | an autoscaler that is at its maximum now                                                     |
 */

import { type Action, appliesToItsTarget } from "../../domain/Action.ts"
import * as Quantity from "../../domain/Quantity.ts"
import { failingRevisions, fails, isRollingOut, podsOfNewest } from "../../domain/RevisionHealth.ts"
import { displayName, resourceRef } from "../../domain/Target.ts"
import type { WorkloadState } from "../../domain/WorkloadState.ts"
import { findingText } from "../evidence/ChangeText.ts"
import { type ContainerSpec, empty, type Evidence } from "../evidence/Evidence.ts"
import { redact } from "../evidence/Redaction.ts"
import type { InvestigationRequest } from "../Investigator.ts"
import type { Rule, RuleAction } from "./Rulebook.ts"
import {
  failedCreateOf,
  failingNow,
  hasNoEarlierRevision,
  isAtMaximum,
  isBroken,
  unrecoveredRevisions
} from "./RuleFacts.ts"

/**
 * The container that is OOM-killed now. When the alert names another container of the template, it is not about this
 * one.
 */
const killedContainer = (request: InvestigationRequest): ContainerSpec | undefined => {
  const { alert, evidence = empty } = request
  const killed = new Set(
    failingNow(request)
      .filter(({ failsNow }) => failsNow === "OOMKilled")
      .map(({ container }) => container)
  )
  const named = evidence.containers.find(({ name }) => name === alert.labels["container"])
  return evidence.containers.find(({ name }) => killed.has(name) && (named === undefined || named.name === name))
}

const raiseMemory = (
  request: InvestigationRequest,
  rule: Extract<RuleAction, { type: "AdjustResources" }>
): Action | undefined => {
  const container = killedContainer(request)
  const limit = Quantity.parse(container?.limits["memory"])
  const maximum = Quantity.parse(rule.maximum)
  if (container === undefined || limit === undefined || maximum === undefined) return undefined
  const raised = Quantity.times(limit, rule.factor)
  const mebibyte = Quantity.unit << 20n
  const raisedMi = (raised < maximum ? raised : maximum) / mebibyte
  if (raisedMi * mebibyte <= limit) return undefined
  return {
    type: "AdjustResources",
    target: resourceRef(request.target),
    container: container.name,
    limits: { memory: `${raisedMi}Mi` }
  }
}

const raiseMaximum = (
  request: InvestigationRequest,
  rule: Extract<RuleAction, { type: "PatchHpa" }>
): Action | undefined => {
  const { evidence = empty, target } = request
  if (evidence.autoscaler === null || !isAtMaximum(request)) return undefined
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

/** The revisions with containers that have restarted, while nobody has looked at why or when. */
const unreadRevisions = ({ missing }: Evidence, { pods }: WorkloadState): ReadonlyArray<number> =>
  missing.includes("containers and logs")
    ? pods.flatMap(({ restarts, revision }) => (restarts > 0 && typeof revision === "number" ? [revision] : []))
    : []

/**
 * The revision to roll back to: the newest earlier one that serves and has no failing pod. Without a serving one, the
 * newest that is scaled to zero, unless an earlier one fails: then the newest revision is not the cause.
 */
const revisionToRestore = (request: InvestigationRequest, observed: WorkloadState): number | undefined => {
  const { evidence = empty } = request
  const failing = new Set([
    ...failingRevisions(observed),
    ...unrecoveredRevisions(request),
    ...unreadRevisions(evidence, observed)
  ])
  const ofPods = observed.pods.flatMap((pod) =>
    pod.current === false && pod.ready && typeof pod.revision === "number" ? [pod.revision] : []
  )
  const earlier = evidence.revisions.filter((revision) => !revision.current)
  const serving =
    evidence.revisions.length === 0
      ? ofPods
      : earlier.filter(({ readyReplicas }) => readyReplicas > 0).map(({ revision }) => revision)
  const healthy = serving.filter((revision) => !failing.has(revision))
  if (healthy.length > 0) return Math.max(...healthy)
  const isIdle =
    earlier.length > 0 && earlier.every(({ replicas, revision }) => replicas === 0 && !failing.has(revision))
  return isIdle ? Math.max(...earlier.map(({ revision }) => revision)) : undefined
}

const rollback = (request: InvestigationRequest, observed: WorkloadState): Action | undefined => {
  if (isRollingOut(observed) || hasNoEarlierRevision(observed)) return undefined
  const toRevision = revisionToRestore(request, observed)
  return toRevision === undefined
    ? undefined
    : { type: "RollbackDeployment", target: resourceRef(request.target), toRevision }
}

const evict = ({ alert, target }: InvestigationRequest, observed: WorkloadState): Action | undefined => {
  const named = alert.labels["pod"]
  const broken = observed.pods.filter((pod) => !pod.ready)
  const pod = named === undefined ? broken[0] : observed.pods.find(({ name }) => name === named)
  if (pod === undefined || (named === undefined && broken.length > 1)) return undefined
  // Nobody makes another pod in the place of one without an owner.
  if (!isBroken(pod, observed) || pod.ownerUid === null || pod.ownerUid === undefined) return undefined
  // The rollout replaces the pods of earlier revisions, and its own have only started.
  if (isRollingOut(observed)) return undefined
  return { type: "EvictPod", target: { namespace: target.namespace, kind: "Pod", name: pod.name } }
}

// A target of kind `Alert` is not an object of the cluster, so it has no state to read.
const isUnread = ({ observed, target }: InvestigationRequest): boolean => observed === null && target.kind !== "Alert"

/** The rule's cause. A rule about pods that are not created also says why, in the words of the API server. */
export const causeOf = (rule: Rule, request: InvestigationRequest): string => {
  const refusal = failedCreateOf(request)
  const cause =
    refusal === null || rule.match.facts?.includes("pods-not-created") !== true
      ? rule.cause
      : `${rule.cause} The API server says: ${redact(refusal)}`
  const nothingToRestore = withoutRollback(request)
  return nothingToRestore === undefined ? cause : `${cause} ${nothingToRestore}`
}

/** That a template of which no pod works can't be rolled back, because there is no earlier revision. */
const withoutRollback = ({ observed, target }: InvestigationRequest): string | undefined => {
  if (observed === null || !hasNoEarlierRevision(observed)) return undefined
  const own = podsOfNewest(observed)
  return own.some(fails) && !own.some(({ ready }) => ready)
    ? `${displayName(target)} has no earlier revision to roll back to.`
    : undefined
}

/** Notifies a person of the cause, what to check first, and what changed before the alert. */
export const notify = (request: InvestigationRequest, rule: Rule): Action => ({
  type: "Notify",
  target: resourceRef(request.target),
  reason: `${isUnread(request) ? "The target could not be read, so this is based on the alert alone. " : ""}${[causeOf(rule, request), `First: ${rule.check}`, ...findingText(request.suspects)].join(" ")}`
})

/** A rule's write to the cluster, which needs an object that shows the fault now. */
const write = (
  action: Exclude<RuleAction, { type: "Notify" | "CollectDiagnostics" }>,
  request: InvestigationRequest,
  observed: WorkloadState
): Action | undefined => {
  switch (action.type) {
    case "RestartWorkload":
      // A rollout replaces the pods already.
      return isRollingOut(observed) ? undefined : { type: action.type, target: resourceRef(request.target) }
    case "RollbackDeployment":
      return rollback(request, observed)
    case "EvictPod":
      return evict(request, observed)
    case "AdjustResources":
      return raiseMemory(request, action)
    case "PatchHpa":
      return raiseMaximum(request, action)
  }
}

/** The action of a rule on this target; `undefined` when the evidence does not suffice for it. */
export const proposedAction = (rule: Rule, request: InvestigationRequest): Action | undefined => {
  const { observed } = request
  if (rule.action.type === "Notify") return notify(request, rule)
  if (rule.action.type === "CollectDiagnostics") return { type: rule.action.type, target: resourceRef(request.target) }
  if (observed === null || !observed.exists) return undefined
  const action = write(rule.action, request, observed)
  return action !== undefined && appliesToItsTarget(action) ? action : undefined
}
