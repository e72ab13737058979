/**
 * The StatefulSet controller: creates pods in ascending order, and updates and removes them in descending order. A pod
 * below the partition is made from the current revision, and with `OnDelete` no pod is updated. As in Kubernetes
 * (kubernetes#67250), a pod that is not ready stops all of this, also if it is of a template that has been replaced,
 * unless the pods are managed in parallel.
 */

import { isPodReady, type Pod, type StatefulSet } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { keepRevision, revisionLabel, templateOf } from "./ControllerRevisions.ts"
import { activePods, createPod, podOf } from "./OwnedPods.ts"
import { terminatePod } from "./PodLifecycle.ts"
import { putStatus } from "./Status.ts"

const component = "statefulset-controller"

/** The ordinal from which pods get the newest template. */
const updatedFrom = ({ spec: { updateStrategy } }: StatefulSet): number =>
  updateStrategy?.type === "OnDelete" ? 0 : (updateStrategy?.rollingUpdate?.partition ?? 0)

const createOrdinal = (cluster: Cluster, set: StatefulSet, ordinal: number, newest: string): void => {
  const revision = ordinal < updatedFrom(set) ? (set.status?.currentRevision ?? newest) : newest
  const name = `${set.metadata.name}-${ordinal}`
  const labels = {
    // The pods of a StatefulSet carry the whole name of the ControllerRevision, and those of a DaemonSet only its hash.
    [revisionLabel]: revision,
    "statefulset.kubernetes.io/pod-name": name,
    "apps.kubernetes.io/pod-index": String(ordinal)
  }
  createPod(
    cluster,
    set,
    podOf(cluster, set, name, templateOf(cluster, set, revision) ?? set.spec.template, { labels }),
    component
  )
}

const isOrdered = ({ spec }: StatefulSet): boolean => spec["podManagementPolicy"] !== "Parallel"

/**
 * Creates or removes at most one pod: the next missing one, otherwise the last surplus one, otherwise the last outdated
 * one.
 */
const step = (cluster: Cluster, set: StatefulSet, revision: string, isUpdated: (pod: Pod) => boolean): void => {
  const prefix = set.metadata.name.length + 1
  const desired = set.spec.replicas ?? 1
  const pods = new Map(
    cluster.store.ownedBy(set.metadata.uid, "Pod").map((pod) => [Number(pod.metadata.name.slice(prefix)), pod])
  )
  for (let ordinal = 0; ordinal < desired; ordinal++) {
    const pod = pods.get(ordinal)
    if (pod === undefined) return createOrdinal(cluster, set, ordinal, revision)
    // A pod that is not ready or still terminating blocks the pods after it, and so every update, its own included.
    if (isOrdered(set) && !isPodReady(pod)) return
  }
  const surplus = [...pods.keys()].filter((ordinal) => ordinal >= desired).sort((a, b) => b - a)[0]
  if (surplus !== undefined) return terminatePod(cluster, pods.get(surplus)!)
  if (set.spec.updateStrategy?.type === "OnDelete") return
  for (let ordinal = desired - 1; ordinal >= updatedFrom(set); ordinal--) {
    const pod = pods.get(ordinal)!
    if (!isUpdated(pod)) return terminatePod(cluster, pod)
    if (!isPodReady(pod)) return
  }
}

export const reconcileStatefulSet = (cluster: Cluster, namespace: string, name: string): void => {
  const set = cluster.store.get("StatefulSet", namespace, name)
  if (set === undefined) return
  const revision = keepRevision(cluster, set, set.spec.template)
  const isUpdated = (pod: Pod) => pod.metadata.labels?.[revisionLabel] === revision.name
  step(cluster, set, revision.name, isUpdated)
  const pods = activePods(cluster, set.metadata.uid)
  const ready = pods.filter(isPodReady)
  const updated = pods.filter(isUpdated)
  const desired = set.spec.replicas ?? 1
  const isComplete =
    set.spec.updateStrategy?.type !== "OnDelete"
    && pods.length === desired
    && updated.length === desired
    && ready.length === desired
  putStatus<StatefulSet>(cluster, set, {
    observedGeneration: set.metadata.generation ?? 1,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.length,
    currentReplicas: updated.length,
    updatedReplicas: updated.length,
    currentRevision: isComplete ? revision.name : (set.status?.currentRevision ?? revision.name),
    updateRevision: revision.name
  })
}
