/**
 * The ReplicaSet controller: as many pods as asked for, releases what no longer matches, adopts what does, picks its
 * victims as the real one does.
 */

import { controllerOf, isPodReady, type Pod, type ReplicaSet, selectorMatches } from "../ObjectModel.ts"
import { quotaRefusal } from "./Admission.ts"
import type { Cluster } from "./Cluster.ts"
import { activePods, podOf, terminatePod } from "./PodLifecycle.ts"
import { putStatus, withCondition } from "./Status.ts"

/** Which pod goes first: without a node, not ready, more restarts, younger. */
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

/** Lets go of pods whose labels no longer match: they live on without an owner. */
const release = (cluster: Cluster, pod: Pod): void => {
  const { ownerReferences, ...metadata } = pod.metadata
  const others = ownerReferences?.filter((owner) => owner.controller !== true) ?? []
  cluster.store.put({ ...pod, metadata: others.length === 0 ? metadata : { ...metadata, ownerReferences: others } })
}

/** An ownerless pod that a ReplicaSet's selector matches becomes its own. */
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

/** Pods that have been ready for as long as `minReadySeconds` asks. */
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
    refusal = quotaRefusal(cluster, pod)?.message
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
