/**
 * The DaemonSet controller: one pod on every node, including cordoned ones, updated one node at a time (not with
 * `OnDelete`).
 */

import { type DaemonSet, isPodReady } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { keepRevision, revisionLabel } from "./ControllerRevisions.ts"
import { activePods, createPod, podOf } from "./OwnedPods.ts"
import { terminatePod } from "./PodLifecycle.ts"
import { putStatus } from "./Status.ts"

export const reconcileDaemonSet = (cluster: Cluster, namespace: string, name: string): void => {
  const set = cluster.store.get("DaemonSet", namespace, name)
  if (set === undefined) return
  const { hash } = keepRevision(cluster, set, set.spec.template)
  const nodes = cluster.store.list("Node")
  const owned = cluster.store.ownedBy(set.metadata.uid, "Pod")
  const byNode = new Map(owned.map((pod) => [pod.spec.nodeName, pod]))
  for (const node of nodes) {
    const nodeName = node.metadata.name
    if (byNode.has(nodeName)) continue
    createPod(
      cluster,
      set,
      podOf(cluster, set, `${name}-${cluster.suffix()}`, set.spec.template, {
        nodeName,
        labels: { [revisionLabel]: hash }
      }),
      "daemonset-controller"
    )
  }
  const pods = activePods(cluster, set.metadata.uid)
  const ready = pods.filter(isPodReady)
  const updated = pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === hash)
  const outdated = pods.find((pod) => pod.metadata.labels?.[revisionLabel] !== hash)
  const isHeldBack = set.spec.updateStrategy?.type === "OnDelete"
  if (!isHeldBack && outdated !== undefined && (ready.length === nodes.length || !isPodReady(outdated)))
    terminatePod(cluster, outdated)
  putStatus<DaemonSet>(cluster, set, {
    observedGeneration: set.metadata.generation ?? 1,
    desiredNumberScheduled: nodes.length,
    currentNumberScheduled: pods.length,
    numberMisscheduled: 0,
    numberReady: ready.length,
    numberAvailable: ready.length,
    numberUnavailable: nodes.length - ready.length,
    updatedNumberScheduled: updated.length
  })
}
