/**
 * The pods that keep a StatefulSet from a new template (kubernetes#67250). With the pod management `OrderedReady`,
 * which is the default, its controller does nothing while one of its pods is not ready, so a pod of a broken template
 * that never becomes ready blocks every later template, also the one that would heal it. Every action that changes the
 * template therefore evicts such pods after the patch; the controller makes them again from the new template.
 *
 * | pod                                             | evicted                                                   |
 * | ----------------------------------------------- | --------------------------------------------------------- |
 * | is ready                                        | no: the controller replaces it in its turn                |
 * | is terminating, or finished                     | no: the controller waits for it, or replaces it by itself |
 * | has the template that the action restores       | no: its replacement would be the same                     |
 * | is not ready, of a template that is replaced    | yes, by uid, through the eviction API: budgets hold       |
 * | of a StatefulSet with the management `Parallel` | no: nothing waits for it                                  |
 *
 * The pods of Deployments and DaemonSets block nothing: their controllers remove pods that are not ready first.
 */

import type { Change } from "../../domain/Change.ts"
import type { Figures } from "../../domain/Decision.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { controllerOf, isPodReady, type Pod } from "../../kubernetes/ObjectModel.ts"
import { templateHashOf } from "../../kubernetes/Revision.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, isUnread, type PlanObjects, relatedOf, unreadAsk } from "../Plan.ts"

/** Whether one pod that is not ready keeps the controller of a workload from replacing any. */
export const blocksOnUnready = (workload: KubernetesObject): boolean =>
  workload.kind === "StatefulSet"
  && (workload["spec"] as { readonly podManagementPolicy?: string } | undefined)?.podManagementPolicy !== "Parallel"

/** The pods that block the change to a template. `restored` is the hash of that template, if it has one already. */
export const blockingPods = (
  workload: KubernetesObject,
  pods: ReadonlyArray<Pod>,
  restored?: string
): ReadonlyArray<Pod> =>
  blocksOnUnready(workload)
    ? pods.filter(
        (pod) =>
          controllerOf(pod)?.uid === workload.metadata.uid
          && !isPodReady(pod)
          && pod.metadata.deletionTimestamp === undefined
          && pod.status?.phase !== "Succeeded"
          && pod.status?.phase !== "Failed"
          && (restored === undefined || templateHashOf(pod) !== restored)
      )
    : []

export const evictionsOf = (pods: ReadonlyArray<Pod>): ReadonlyArray<Change> =>
  pods.map((pod) => ({
    _tag: "Evict",
    ref: refOf(pod),
    uid: pod.metadata.uid,
    resourceVersion: pod.metadata.resourceVersion
  }))

export interface StuckPods {
  readonly pods: ReadonlyArray<Pod>
  readonly asks: ReadonlyArray<Ask>
  readonly figures: Figures
}

/** What a plan that changes the template does about the pods that block it. */
export const stuckPods = (workload: KubernetesObject, objects: PlanObjects, restored?: string): StuckPods => {
  if (blocksOnUnready(workload) && isUnread(objects, "Pod"))
    return { pods: [], asks: [unreadAsk("Pod", `what blocks ${displayName(refOf(workload))}`)], figures: {} }
  const pods = blockingPods(workload, relatedOf(objects, "Pod"), restored)
  return {
    pods,
    asks: [],
    figures: pods.length === 0 ? {} : { evicts: pods.map((pod) => pod.metadata.name).join(", ") }
  }
}
