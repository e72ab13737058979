/**
 * How each action of the catalog becomes writes to the cluster, and how it is undone. Plans are pure functions of the
 * current objects.
 *
 * | action                     | writes                                                                     | inverse                                        |
 * | -------------------------- | -------------------------------------------------------------------------- | ---------------------------------------------- |
 * | RestartWorkload            | template annotation `kubectl.kubernetes.io/restartedAt`: the intent's time | not needed                                     |
 * | ScaleWorkload              | `spec.replicas`                                                            | the previous number                            |
 * | RollbackDeployment         | `spec.template` of the chosen ReplicaSet or ControllerRevision             | the previous template                          |
 * | AdjustResources            | `resources` of one container                                               | the previous resources, absent fields included |
 * | PatchHpa                   | `spec.minReplicas`, `spec.maxReplicas`                                     | the previous numbers                           |
 * | EvictPod                   | the eviction subresource, for one uid                                      | not needed: the owner creates a replacement    |
 * | CordonNode, UncordonNode   | `spec.unschedulable`                                                       | the previous value                             |
 * | DrainNode                  | cordon, then an eviction for each pod                                      | partial: uncordon, if the drain cordoned       |
 * | ExpandVolume               | `spec.resources.requests.storage`                                          | irreversible                                   |
 * | SuspendCronJob             | `spec.suspend`                                                             | the previous value                             |
 * | QuarantinePod              | the labels by which its owner and its Services select the pod              | partial: the labels                            |
 * | RestoreObject              | the fields, the removal or the creation that takes a recorded change back  | the same fields, the removal, or the creation  |
 * | CollectDiagnostics, Notify | nothing                                                                    | not needed                                     |
 *
 * An action that changes the template of a StatefulSet also evicts the pods that would block it: see
 * `actions/StuckPods`.
 *
 * A plan without changes means that the cluster is already in the requested state. A refusal means that the action
 * can't, or must not, be carried out on these objects. What a person may allow is an ask: it is part of the plan, and
 * the action is carried out only if an approval covers every ask.
 *
 * | about                       | see                                                                      |
 * | --------------------------- | ------------------------------------------------------------------------ |
 * | what a template names again | `actions/Rollouts`: refused, or asks                                     |
 * | rollouts that do not start  | `actions/RolloutStart`: refused                                          |
 * | budgets, ready pods         | `actions/Disruption`: asks                                               |
 * | admission of the new pods   | `TemplateAdmission`: `pods-refused` is a refusal, `beyond-quota` asks    |
 * | data and work of a pod      | `actions/PodLoss`: asks; the eviction of a pod that runs once is refused |
 * | templates held back         | `actions/HeldBackTemplate`: asks                                         |
 * | nodes that are out          | `actions/NodePool`: asks                                                 |
 * | bounds, replicas, resources | lowered, raised far, or set where there was no value: asks               |
 * | what RBAC hides             | `unread`: asks                                                           |
 * | what RBAC does not allow    | `Permitted`: refused                                                     |
 */

import { JsonPatch } from "effect"
import type { Action } from "../domain/Action.ts"
import { changeOf, find as findSeen, type Seen } from "../domain/Seen.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import { toMillis } from "../domain/Timestamp.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { nextApply } from "../kubernetes/LastApplied.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import { patchHpa } from "./actions/Autoscaling.ts"
import { suspend } from "./actions/CronJobs.ts"
import { cordon, drain, uncordon } from "./actions/Nodes.ts"
import { evict, quarantine } from "./actions/Pods.ts"
import { adjust } from "./actions/Resources.ts"
import { restore } from "./actions/Restoration.ts"
import { rollback } from "./actions/Rollouts.ts"
import { expand } from "./actions/Volumes.ts"
import { restart, scale } from "./actions/Workloads.ts"
import {
  isUnread,
  nothingToDo,
  type Plan,
  type PlanContext,
  planned,
  type PlanObjects,
  type PlanRefusal,
  refuse,
  relatedOf,
  unreadAsk
} from "./Plan.ts"

const planFor = (
  action: Exclude<Action, { readonly type: "CollectDiagnostics" | "Notify" | "RestoreObject" }>,
  subject: KubernetesObject,
  objects: PlanObjects,
  context: PlanContext
): Plan | PlanRefusal => {
  switch (action.type) {
    case "RestartWorkload":
      return restart(action, subject, objects, context)
    case "ScaleWorkload":
      return scale(action, subject, objects, context)
    case "RollbackDeployment":
      return rollback(action, subject, objects, context)
    case "AdjustResources":
      return adjust(action, subject, objects, context)
    case "PatchHpa":
      return patchHpa(action, subject, objects, context)
    case "EvictPod":
      return evict(action, subject, objects, context)
    case "QuarantinePod":
      return quarantine(action, subject, objects, context)
    case "CordonNode":
      return cordon(action, subject, objects, context)
    case "UncordonNode":
      return uncordon(action, subject, objects, context)
    case "DrainNode":
      return drain(action, subject, objects, context)
    case "ExpandVolume":
      return expand(action, subject, objects, context)
    case "SuspendCronJob":
      return suspend(action, subject, objects, context)
  }
}

/**
 * What has changed about the subject since the investigation saw it: the plan is for the state that was investigated,
 * not for the state that is read now. A pod that the investigation did not list is the one that it may have heard of
 * only if it is older: the name of a StatefulSet's pod is used again.
 */
const changedSince = (seen: Seen, ref: ResourceRef, subject: KubernetesObject): string | undefined => {
  const before = findSeen(seen, ref)
  if (before !== undefined) return changeOf(before, seenObject(ref, subject, seen.autoscaled))
  const { creationTimestamp } = subject.metadata
  return subject.kind === "Pod"
    && creationTimestamp !== undefined
    && toMillis(creationTimestamp) <= toMillis(seen.observedAt)
    ? undefined
    : `${displayName(ref)} did not exist or was not seen when the alert was investigated.`
}

/** The writes that carry out an action on these objects, or why they are refused. */
export const plan = (action: Action, objects: PlanObjects, context: PlanContext): Plan | PlanRefusal => {
  if (action.type === "CollectDiagnostics" || action.type === "Notify") {
    return planned([], { _tag: "NotNeeded", reason: `${action.type} changes nothing.` })
  }
  const { subject } = objects
  // It compares with the recorded change, and its object may be one that the investigation did not read.
  if (action.type === "RestoreObject") return restoring(action, objects, context)
  // An eviction has nothing left to do for a pod that is gone or terminating.
  if (action.type === "EvictPod" && (subject === undefined || subject.metadata.deletionTimestamp !== undefined)) {
    return nothingToDo
  }
  if (subject === undefined) return refuse("not-found", `${displayName(action.target)} does not exist.`)
  if (subject.metadata.deletionTimestamp !== undefined)
    return refuse("being-deleted", `${displayName(action.target)} is being deleted.`)
  const changed = context.seen && changedSince(context.seen, action.target, subject)
  if (changed !== undefined) return refuse("changed-since-investigation", changed)
  return (
    terminating(subject.metadata.namespace, objects)
    ?? inNamespace(planFor(action, subject, objects, context), objects, action, subject)
  )
}

/** Why nothing is planned in a namespace that is being deleted. */
const terminating = (name: string | undefined, objects: PlanObjects): PlanRefusal | undefined => {
  const namespace = relatedOf(objects, "Namespace").find(({ metadata }) => metadata.name === name)
  return namespace?.metadata.deletionTimestamp !== undefined || namespace?.status?.phase === "Terminating"
    ? refuse(
        "namespace-terminating",
        `Namespace ${namespace.metadata.name} is being deleted, so nothing new can be created in it.`
      )
    : undefined
}

const inNamespace = (
  result: Plan | PlanRefusal,
  objects: PlanObjects,
  action: Action,
  subject: KubernetesObject | undefined
): Plan | PlanRefusal => {
  if (result._tag === "PlanRefusal" || result.changes.length === 0) return result
  const asks = isUnread(objects, "Namespace")
    ? [...result.asks, unreadAsk("Namespace", "whether the namespace is being deleted")]
    : result.asks
  return subject === undefined ? { ...result, asks } : withNote({ ...result, asks }, action, subject)
}

const restoring = (
  action: Extract<Action, { readonly type: "RestoreObject" }>,
  objects: PlanObjects,
  context: PlanContext
): Plan | PlanRefusal => {
  const { subject } = objects
  if (subject?.metadata.deletionTimestamp !== undefined)
    return refuse("being-deleted", `${displayName(action.target)} is being deleted.`)
  const before = context.seen && findSeen(context.seen, action.target)
  const changed =
    before && subject !== undefined
      ? changeOf(before, seenObject(action.target, subject, context.seen?.autoscaled === true))
      : undefined
  if (changed !== undefined) return refuse("changed-since-investigation", changed)
  return (
    terminating(action.target.namespace, objects)
    ?? inNamespace(restore(action, objects, context), objects, action, subject)
  )
}

/** Names the figure that says what the next `kubectl apply` does, so that a person sees it before the approval. */
const applyFigure = "kubectl apply"

/** The restart annotation is nobody's manifest. */
const withNote = (plan: Plan, action: Action, subject: KubernetesObject): Plan => {
  const [change] = plan.changes
  if (change?._tag !== "Patch" || action.type === "RestartWorkload") return plan
  const after = JsonPatch.apply(change.patch, subject as never) as unknown as KubernetesObject
  const note = nextApply(action.target, subject, after)
  if (note === undefined) return plan
  const said = plan.note === undefined ? note : `${note} ${plan.note}`
  return { ...plan, figures: { ...plan.figures, [applyFigure]: note }, note: said }
}
