/**
 * The one rule for every action that changes a pod template: it is refused when no rollout would follow. Such a write
 * changes nothing now, and surprises the person who resumes, scales up or deletes a pod later.
 *
 * | refusal          | the workload                                                                           |
 * | ---------------- | -------------------------------------------------------------------------------------- |
 * | `paused`         | is a Deployment whose rollout is paused                                                |
 * | `on-delete`      | has the update strategy OnDelete, so its controller replaces no pods                   |
 * | `partitioned`    | is a StatefulSet with a partition, so only pods from that ordinal on would be replaced |
 * | `scaled-to-zero` | has no pods that could be replaced                                                     |
 * | `rollout-stuck`  | may neither surge nor have an unavailable pod, so no pod could be replaced             |
 *
 * An object or a namespace that is being deleted is refused for every action, in `ActionPlan`.
 */

import { displayName } from "../../domain/Target.ts"
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from "../../kubernetes/ObjectModel.ts"
import { refOf } from "../ObjectPatch.ts"
import { type PlanRefusal, refuse } from "../Plan.ts"

export type Workload = Deployment | StatefulSet | DaemonSet

interface UpdateStrategy {
  readonly type?: string
  readonly rollingUpdate?: {
    readonly partition?: number
    readonly maxSurge?: number | string
    readonly maxUnavailable?: number | string
  }
}

/** The update strategy; absent fields are left to their defaults. */
export const strategyOf = (workload: Workload): UpdateStrategy =>
  ((workload.kind === "Deployment" ? workload.spec["strategy"] : workload.spec["updateStrategy"]) as
    | UpdateStrategy
    | undefined) ?? {}

/** How many pods it should have; `undefined` for a DaemonSet whose controller has not counted the nodes. */
export const desiredOf = (workload: Workload | ReplicaSet): number | undefined =>
  workload.kind === "DaemonSet"
    ? (workload as DaemonSet).status?.desiredNumberScheduled
    : ((workload as Deployment).spec.replicas ?? 1)

/** How many of its pods are ready. The API server omits a count of 0. */
export const readyOf = (workload: Workload): number =>
  workload.kind === "DaemonSet"
    ? ((workload as DaemonSet).status?.numberReady ?? 0)
    : ((workload as Deployment).status?.readyReplicas ?? 0)

/** Whether a count or a percentage is zero. */
export const isZero = (value: number | string | undefined): boolean => value === 0 || value === "0" || value === "0%"

/** Why a change of the template would start no rollout; `undefined` if it would start one. */
export const rolloutRefusal = (workload: Workload): PlanRefusal | undefined => {
  const name = displayName(refOf(workload))
  if (workload.kind === "Deployment" && workload.spec["paused"] === true)
    return refuse("paused", `The rollout of ${name} is paused, so its pods would not change. Resume it first.`)
  const { rollingUpdate = {}, type } = strategyOf(workload)
  if (type === "OnDelete")
    return refuse(
      "on-delete",
      `${name} has the update strategy OnDelete, so its pods would change only when somebody deletes them.`
    )
  if (workload.kind === "StatefulSet" && (rollingUpdate.partition ?? 0) > 0)
    return refuse(
      "partitioned",
      `${name} has the partition ${rollingUpdate.partition}, so pods below that ordinal would change only when it is lowered.`
    )
  if (desiredOf(workload) === 0)
    return refuse(
      "scaled-to-zero",
      `${name} should have no pods, so the change would have no effect until it has some.`
    )
  if (isZero(rollingUpdate.maxUnavailable) && isZero(rollingUpdate.maxSurge))
    return refuse(
      "rollout-stuck",
      `${name} has both maxUnavailable and maxSurge 0, so its controller could replace no pod.`
    )
  return undefined
}
