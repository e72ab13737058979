/** The disruption controller: how many pods each PodDisruptionBudget allows to be evicted. */

import { countOrPercent } from "../CountOrPercent.ts"
import { isPodReady, type Pod, type PodDisruptionBudget, selectorMatches } from "../ObjectModel.ts"
import { isBuiltIn } from "../Ownership.ts"
import type { Cluster } from "./Cluster.ts"
import { putStatus } from "./Status.ts"

/** The pods that a budget selects. */
export const budgetPods = (cluster: Cluster, budget: PodDisruptionBudget): ReadonlyArray<Pod> => {
  const { matchLabels, matchExpressions } = budget.spec.selector ?? {}
  const pods =
    matchLabels === undefined
      ? cluster.store.list("Pod", budget.metadata.namespace)
      : cluster.store.select("Pod", budget.metadata.namespace, matchLabels)
  return matchLabels !== undefined && matchExpressions === undefined
    ? pods
    : pods.filter((pod) => selectorMatches(budget.spec.selector, pod.metadata.labels))
}

/**
 * The number of pods that the owners of these pods require, so that missing pods count as disrupted. A pod without an
 * owner counts as one.
 */
const expectedOf = (cluster: Cluster, namespace: string, pods: ReadonlyArray<Pod>): number => {
  const ownerOf = (pod: Pod) => pod.metadata.ownerReferences?.[0]
  const owners = new Map(pods.map((pod) => [ownerOf(pod)?.uid, ownerOf(pod)]))
  let expected = 0
  for (const owner of owners.values()) {
    const set =
      owner !== undefined && isBuiltIn(owner) && (owner.kind === "ReplicaSet" || owner.kind === "StatefulSet")
        ? cluster.store.get(owner.kind, namespace, owner.name)
        : undefined
    expected += set?.spec.replicas ?? pods.filter((pod) => ownerOf(pod)?.uid === owner?.uid).length
  }
  return expected
}

export const reconcileBudget = (cluster: Cluster, namespace: string, name: string): void => {
  const budget = cluster.store.get("PodDisruptionBudget", namespace, name)
  if (budget === undefined) return
  const pods = budgetPods(cluster, budget).filter(
    (pod) =>
      pod.status?.phase !== "Succeeded"
      && pod.status?.phase !== "Failed"
      && pod.metadata.deletionTimestamp === undefined
  )
  const expectedPods = expectedOf(cluster, namespace, pods)
  const currentHealthy = pods.filter(isPodReady).length
  const desiredHealthy =
    budget.spec.maxUnavailable !== undefined
      ? Math.max(0, expectedPods - countOrPercent(budget.spec.maxUnavailable, expectedPods, Math.ceil))
      : countOrPercent(budget.spec.minAvailable ?? 1, expectedPods, Math.ceil)
  putStatus<PodDisruptionBudget>(cluster, budget, {
    observedGeneration: budget.metadata.generation ?? 1,
    expectedPods,
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed: expectedPods === 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy)
  })
}
