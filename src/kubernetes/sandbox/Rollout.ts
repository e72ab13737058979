/** Moves the pods of a Deployment from its old ReplicaSets to the current one, in one step per call. */

import { countOrPercent } from "../CountOrPercent.ts"
import { type Deployment, type ReplicaSet } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { revisionOf } from "./Revision.ts"

/** The sum of a count over ReplicaSets. */
export const sum = (sets: ReadonlyArray<ReplicaSet>, of: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + of(set), 0)

/** The replicas that a ReplicaSet should have. */
export const wanted = (set: ReplicaSet): number => set.spec.replicas ?? 0

/** The replicas of a ReplicaSet that are available. */
export const available = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0

/** `maxSurge` and `maxUnavailable` as counts. If both are 0, one pod may be unavailable, or nothing could ever move. */
export const rollingBounds = (
  rolling: { readonly maxSurge?: number | string; readonly maxUnavailable?: number | string } | undefined,
  desired: number
): { readonly surge: number; readonly unavailable: number } => {
  const surge = countOrPercent(rolling?.maxSurge ?? "25%", desired, Math.ceil)
  const unavailable = countOrPercent(rolling?.maxUnavailable ?? "25%", desired, Math.floor)
  return surge === 0 && unavailable === 0
    ? { surge, unavailable: 1 }
    : { surge, unavailable: Math.min(unavailable, desired) }
}

/** Changes the replica count of a ReplicaSet and records the event. */
export const scale = (cluster: Cluster, deployment: Deployment, set: ReplicaSet, replicas: number): ReplicaSet => {
  const before = set.spec.replicas ?? 0
  if (before === replicas) return set
  const direction = replicas > before ? "up" : "down"
  cluster.event(
    deployment,
    "Normal",
    "ScalingReplicaSet",
    `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`,
    "deployment-controller"
  )
  return cluster.store.put({
    ...set,
    metadata: { ...set.metadata, generation: (set.metadata.generation ?? 1) + 1 },
    spec: { ...set.spec, replicas }
  })
}

/**
 * One step of a rolling update, as `pkg/controller/deployment/rolling.go` of Kubernetes decides it: scale up, or, when
 * that is not possible, scale down.
 */
export const roll = (
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet,
  old: ReadonlyArray<ReplicaSet>
): void => {
  const desired = deployment.spec.replicas ?? 1
  const { surge, unavailable } = rollingBounds(deployment.spec.strategy?.rollingUpdate, desired)
  const total = wanted(current) + sum(old, wanted)
  if (wanted(current) > desired) {
    scale(cluster, deployment, current, desired)
    return
  }
  const room = Math.min(desired + surge - total, desired - wanted(current))
  if (room > 0) {
    scale(cluster, deployment, current, wanted(current) + room)
    return
  }
  const minAvailable = desired - unavailable
  let removable = total - minAvailable - (wanted(current) - Math.min(wanted(current), available(current)))
  if (removable <= 0) return
  const oldest = [...old].sort((a, b) => revisionOf(a) - revisionOf(b))
  const healthy: Array<ReplicaSet> = []
  for (const set of oldest) {
    const broken = Math.min(removable, wanted(set) - Math.min(wanted(set), available(set)))
    removable -= broken
    healthy.push(broken > 0 ? scale(cluster, deployment, set, wanted(set) - broken) : set)
  }
  let spare = available(current) + sum(healthy, (set) => Math.min(wanted(set), available(set))) - minAvailable
  for (const set of healthy) {
    const down = Math.min(spare, wanted(set))
    if (down <= 0) continue
    spare -= down
    scale(cluster, deployment, set, wanted(set) - down)
  }
}

/** One step of the `Recreate` strategy: remove all old pods, and create the new ones when none is left. */
export const recreate = (
  cluster: Cluster,
  deployment: Deployment,
  current: ReplicaSet,
  old: ReadonlyArray<ReplicaSet>
): void => {
  for (const set of old) scale(cluster, deployment, set, 0)
  if (old.every((set) => cluster.store.ownedBy(set.metadata.uid, "Pod").length === 0))
    scale(cluster, deployment, current, deployment.spec.replicas ?? 1)
}
