/**
 * How each action of the catalogue becomes writes to the cluster, and how it is taken back: pure, from the objects as
 * they are now.
 *
 * | action                     | writes                                                                          | inverse                                      |
 * | -------------------------- | ------------------------------------------------------------------------------- | -------------------------------------------- |
 * | RestartWorkload            | template annotation `kubectl.kubernetes.io/restartedAt`, the time of the intent | not needed                                   |
 * | ScaleWorkload              | `spec.replicas`                                                                 | the number before                            |
 * | RollbackDeployment         | `spec.template` of the chosen ReplicaSet, without its hash label                | the template before                          |
 * | AdjustResources            | `resources` of one container                                                    | the resources before, absent fields included |
 * | PatchHpa                   | `spec.minReplicas`, `spec.maxReplicas`                                          | the numbers before                           |
 * | EvictPod                   | the eviction subresource, for one uid                                           | not needed: its owner makes another          |
 * | CordonNode, UncordonNode   | `spec.unschedulable`                                                            | as before; none where it was so already      |
 * | DrainNode                  | cordon, then an eviction for each pod                                           | partial: uncordon                            |
 * | ExpandVolume               | `spec.resources.requests.storage`                                               | irreversible                                 |
 * | SuspendCronJob             | `spec.suspend`                                                                  | as before                                    |
 * | QuarantinePod              | labels by which its owner and its Services select it                            | partial: the labels                          |
 * | CollectDiagnostics, Notify | nothing                                                                         | not needed                                   |
 *
 * A plan whose `changes` are empty says that the cluster already is as the action wants it. A refusal says that the
 * action can't, or must not, be carried out on these objects; an `approvable` one goes through once a person has
 * approved the action.
 */

import type { Action } from "../domain/Action.ts"
import { displayName } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { patchHpa } from "./actions/Autoscaling.ts"
import { suspend } from "./actions/CronJobs.ts"
import { cordon, drain, uncordon } from "./actions/Nodes.ts"
import { evict, quarantine } from "./actions/Pods.ts"
import { adjust } from "./actions/Resources.ts"
import { rollback } from "./actions/Rollouts.ts"
import { expand } from "./actions/Volumes.ts"
import { restart, scale } from "./actions/Workloads.ts"
import { alreadySo, type Plan, type PlanContext, planned, type PlanObjects, type PlanRefusal, refuse } from "./Plan.ts"

const planFor = (
  action: Exclude<Action, { readonly type: "CollectDiagnostics" | "Notify" }>,
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

/** The writes that carry an action out on these objects, or why it is not carried out. */
export const plan = (action: Action, objects: PlanObjects, context: PlanContext): Plan | PlanRefusal => {
  if (action.type === "CollectDiagnostics" || action.type === "Notify") {
    return planned([], { _tag: "NotNeeded", reason: `${action.type} changes nothing.` })
  }
  const { subject } = objects
  // A pod that is gone, or on its way, is what an eviction wants.
  if (action.type === "EvictPod" && subject?.metadata.deletionTimestamp !== undefined) return alreadySo
  if (action.type === "EvictPod" && subject === undefined) return alreadySo
  if (subject === undefined) return refuse("not-found", `${displayName(action.target)} does not exist.`)
  if (subject.metadata.deletionTimestamp !== undefined)
    return refuse("being-deleted", `${displayName(action.target)} is being deleted.`)
  return planFor(action, subject, objects, context)
}
