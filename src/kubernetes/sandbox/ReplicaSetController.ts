/**
 * The ReplicaSet controller: keeps the desired number of pods, releases pods that no longer match its selector, adopts
 * orphans that do, and chooses the pods to delete as the real controller does.
 */

import { controllerOf, isPodReady, type Pod, type ReplicaSet, selectorMatches } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { activePods, podOf } from "./OwnedPods.ts"
import { podRefusal } from "./PodAdmission.ts"
import { terminatePod } from "./PodLifecycle.ts"
import { putStatus, withCondition } from "./Status.ts"

/** The order of deletion: pods without a node, pods that are not ready, more restarts, younger pods. */
const victimsFirst = (a: Pod, b: Pod): number => {
  const rank = (pod: Pod) => (pod.spec.nodeName === undefined ? 0 : isPodReady(pod) ? 2 : 1)
  const restarts = (pod: Pod) => pod.status?.containerStatuses?.[0]?.restartCount ?? 0
  return (
    rank(a) - rank(b)
    || restarts(b) - restarts(a)
    || (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? "")
    || Number(b.metadata.resourceVersion) - Number(a.metadata.resourceVersion)
  )
}

/** Removes the controlling owner from a pod, which keeps running. */
const release = (cluster: Cluster, pod: Pod): void => {
  const { ownerReferences, ...metadata } = pod.metadata
  const others = ownerReferences?.filter((owner) => owner.controller !== true) ?? []
  cluster.store.put({ ...pod, metadata: others.length === 0 ? metadata : { ...metadata, ownerReferences: others } })
}

/** Makes a ReplicaSet the owner of a pod that its selector matches and that has no controlling owner. */
export const adoptOrphan = (cluster: Cluster, pod: Pod): void => {
  if (controllerOf(pod) !== undefined || pod.metadata.deletionTimestamp !== undefined) return
  const hash = pod.metadata.labels?.["pod-template-hash"]
  const namespace = pod.metadata.namespace ?? ""
  const owner =
    hash === undefined
      ? undefined
      : cluster.store
          .select("ReplicaSet", namespace, { "pod-template-hash": hash })
          .find((set) => selectorMatches(set.spec.selector, pod.metadata.labels))
  if (owner === undefined) return
  cluster.store.put({
    ...pod,
    metadata: {
      ...pod.metadata,
      ownerReferences: [
        ...(pod.metadata.ownerReferences ?? []),
        {
          apiVersion: owner.apiVersion,
          kind: owner.kind,
          name: owner.metadata.name,
          uid: owner.metadata.uid,
          controller: true
        }
      ]
    }
  })
}

/** How many pods have been ready for `minReadySeconds`. */
const availableOf = (cluster: Cluster, set: ReplicaSet, ready: ReadonlyArray<Pod>): number => {
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000
  if (minReadyMs === 0) return ready.length
  const { name, namespace = "" } = set.metadata
  return ready.filter((pod) => {
    const readyMs = cluster.nowMs - (cluster.runtimes.get(pod.metadata.uid)?.readyAtMs ?? cluster.nowMs)
    if (readyMs >= minReadyMs) return true
    cluster.after(minReadyMs - readyMs, () => cluster.enqueue("ReplicaSet", namespace, name))
    return false
  }).length
}

export const reconcileReplicaSet = (cluster: Cluster, namespace: string, name: string): void => {
  const set = cluster.store.get("ReplicaSet", namespace, name)
  if (set === undefined) return
  const labels = set.spec.selector
  const active: Array<Pod> = []
  for (const pod of activePods(cluster, set.metadata.uid)) {
    if (selectorMatches(labels, pod.metadata.labels)) active.push(pod)
    else release(cluster, pod)
  }
  const desired = set.spec.replicas ?? 1
  let refusal: string | undefined
  if (active.length > desired) {
    active.sort(victimsFirst)
    for (const pod of active.splice(0, active.length - desired)) {
      terminatePod(cluster, pod)
      cluster.event(set, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`, "replicaset-controller")
    }
  }
  for (let missing = desired - active.length; missing > 0 && refusal === undefined; missing--) {
    const pod = podOf(cluster, set, `${name}-${cluster.suffix()}`, set.spec.template)
    refusal = podRefusal(cluster, pod)?.message
    if (refusal === undefined) {
      active.push(cluster.store.put(pod))
      cluster.event(set, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`, "replicaset-controller")
    } else {
      cluster.event(set, "Warning", "FailedCreate", `Error creating: ${refusal}`, "replicaset-controller")
    }
  }
  const ready = active.filter(isPodReady)
  const conditions =
    refusal === undefined
      ? (set.status?.conditions ?? []).filter((condition) => condition.type !== "ReplicaFailure")
      : withCondition(
          set.status?.conditions ?? [],
          { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: refusal },
          cluster.stamp()
        )
  putStatus(cluster, set, {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: active.length,
    fullyLabeledReplicas: active.length,
    readyReplicas: ready.length,
    availableReplicas: availableOf(cluster, set, ready),
    ...(conditions.length === 0 ? {} : { conditions })
  })
}
