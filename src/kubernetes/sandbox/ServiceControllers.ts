/** The controllers that look at pods from the side: endpoints, disruption budgets, autoscalers and volumes. */

import {
  countOrPercent,
  type EndpointSlice,
  type HorizontalPodAutoscaler,
  isPodReady,
  parseQuantity,
  type PersistentVolumeClaim,
  type Pod,
  type PodDisruptionBudget,
  selectorMatches
} from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"
import { putStatus, sameJson, withCondition } from "./Status.ts"

const serviceNameLabel = "kubernetes.io/service-name"

/** One EndpointSlice per Service, with the addresses of the pods that its selector matches. */
export const reconcileService = (cluster: Cluster, namespace: string, name: string): void => {
  const service = cluster.store.get("Service", namespace, name)
  const selector = service?.spec?.selector
  if (service === undefined || selector === undefined) return
  const endpoints = cluster.store
    .select("Pod", namespace, selector)
    .filter((pod) => pod.status?.podIP !== undefined && pod.status.phase === "Running")
    .map((pod) => ({
      addresses: [pod.status!.podIP!],
      conditions: {
        ready: isPodReady(pod),
        serving: isPodReady(pod),
        terminating: pod.metadata.deletionTimestamp !== undefined
      },
      targetRef: { kind: "Pod", namespace, name: pod.metadata.name, uid: pod.metadata.uid },
      nodeName: pod.spec.nodeName ?? ""
    }))
  const slice = cluster.store.ownedBy(service.metadata.uid, "EndpointSlice")[0]
  if (slice === undefined) {
    cluster.store.put<EndpointSlice>({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: cluster.newMetadata(`${name}-${cluster.suffix()}`, namespace, {
        generation: 1,
        labels: {
          [serviceNameLabel]: name,
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"
        },
        ownerReferences: [{ apiVersion: "v1", kind: "Service", name, uid: service.metadata.uid, controller: true }]
      }),
      addressType: "IPv4",
      endpoints,
      ports: service.spec?.["ports"] ?? []
    })
  } else if (!sameJson(slice.endpoints, endpoints)) {
    cluster.store.put<EndpointSlice>({
      ...slice,
      metadata: { ...slice.metadata, generation: (slice.metadata.generation ?? 1) + 1 },
      endpoints
    })
  }
}

/** The pods that a budget is about. */
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

export const reconcileBudget = (cluster: Cluster, namespace: string, name: string): void => {
  const budget = cluster.store.get("PodDisruptionBudget", namespace, name)
  if (budget === undefined) return
  const pods = budgetPods(cluster, budget).filter(
    (pod) =>
      pod.status?.phase !== "Succeeded"
      && pod.status?.phase !== "Failed"
      && pod.metadata.deletionTimestamp === undefined
  )
  // The expected count is what the owners ask for, so that pods that are missing count as disrupted.
  const sets = new Map(pods.map((pod) => [pod.metadata.ownerReferences?.[0]?.uid, pod.metadata.ownerReferences?.[0]]))
  let expectedPods = 0
  for (const owner of sets.values()) {
    const set =
      owner === undefined
        ? undefined
        : owner.kind === "ReplicaSet"
          ? cluster.store.get("ReplicaSet", namespace, owner.name)
          : owner.kind === "StatefulSet"
            ? cluster.store.get("StatefulSet", namespace, owner.name)
            : undefined
    expectedPods +=
      set?.spec.replicas ?? pods.filter((pod) => pod.metadata.ownerReferences?.[0]?.uid === owner?.uid).length
  }
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

/** Looks again after the autoscaler's period; one look per autoscaler is planned at a time. */
const lookAgain = (cluster: Cluster, autoscaler: HorizontalPodAutoscaler): void => {
  const { uid, name, namespace = "" } = autoscaler.metadata
  if (cluster.autoscalers.has(uid)) return
  cluster.autoscalers.set(uid, "waiting")
  cluster.after(cluster.pace.autoscaler, () => {
    cluster.autoscalers.set(uid, "due")
    cluster.enqueue("HorizontalPodAutoscaler", namespace, name)
  })
}

/**
 * Replicas follow the demand on the target, within the autoscaler's bounds. Without a known demand they only keep
 * within the bounds.
 */
export const reconcileAutoscaler = (cluster: Cluster, namespace: string, name: string): void => {
  const autoscaler = cluster.store.get("HorizontalPodAutoscaler", namespace, name)
  if (autoscaler === undefined) return
  const { kind, name: targetName } = autoscaler.spec.scaleTargetRef
  const target =
    kind === "Deployment"
      ? cluster.store.get("Deployment", namespace, targetName)
      : kind === "StatefulSet"
        ? cluster.store.get("StatefulSet", namespace, targetName)
        : undefined
  if (target === undefined) return
  const current = target.status?.replicas ?? 0
  const { maxReplicas, minReplicas = 1 } = autoscaler.spec
  const asked = target.spec.replicas ?? 1
  const wanted = cluster.demand.get(`${namespace}/${targetName}`) ?? asked
  const desired = asked === 0 ? 0 : Math.min(maxReplicas, Math.max(minReplicas, wanted))
  if (desired !== asked) {
    if (cluster.autoscalers.get(autoscaler.metadata.uid) === "due") {
      cluster.autoscalers.delete(autoscaler.metadata.uid)
      cluster.event(
        autoscaler,
        "Normal",
        "SuccessfulRescale",
        `New size: ${desired}; reason: cpu resource utilization (percentage of request) above target`,
        "horizontal-pod-autoscaler"
      )
      cluster.store.put({
        ...target,
        metadata: { ...target.metadata, generation: (target.metadata.generation ?? 1) + 1 },
        spec: { ...target.spec, replicas: desired }
      })
    } else {
      lookAgain(cluster, autoscaler)
    }
  }
  const targetUtilization = 70
  const utilization = current === 0 ? 0 : Math.round((targetUtilization * wanted) / current)
  const now = cluster.stamp()
  let conditions = withCondition(
    autoscaler.status?.conditions ?? [],
    {
      type: "AbleToScale",
      status: "True",
      reason: "ReadyForNewScale",
      message: "recommended size matches current size"
    },
    now
  )
  conditions = withCondition(
    conditions,
    {
      type: "ScalingActive",
      status: "True",
      reason: "ValidMetricFound",
      message:
        "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"
    },
    now
  )
  conditions = withCondition(
    conditions,
    wanted > maxReplicas
      ? {
          type: "ScalingLimited",
          status: "True",
          reason: "TooManyReplicas",
          message: "the desired replica count is more than the maximum replica count"
        }
      : wanted < minReplicas
        ? {
            type: "ScalingLimited",
            status: "True",
            reason: "TooFewReplicas",
            message: "the desired replica count is less than the minimum replica count"
          }
        : {
            type: "ScalingLimited",
            status: "False",
            reason: "DesiredWithinRange",
            message: "the desired count is within the acceptable range"
          },
    now
  )
  putStatus<HorizontalPodAutoscaler>(cluster, autoscaler, {
    observedGeneration: autoscaler.metadata.generation ?? 1,
    currentReplicas: current,
    desiredReplicas: desired,
    currentMetrics: [
      {
        type: "Resource",
        resource: {
          name: "cpu",
          current: { averageUtilization: utilization, averageValue: `${Math.max(1, utilization)}m` }
        }
      }
    ],
    conditions
  })
}

/** A claim is bound at once, and grows to what is asked for after a while. */
export const reconcileClaim = (cluster: Cluster, namespace: string, name: string): void => {
  const claim = cluster.store.get("PersistentVolumeClaim", namespace, name)
  if (claim === undefined) return
  const asked = claim.spec.resources?.requests?.["storage"] ?? "1Gi"
  if (claim.status?.phase !== "Bound") {
    putStatus<PersistentVolumeClaim>(cluster, claim, {
      phase: "Bound",
      accessModes: claim.spec["accessModes"] ?? ["ReadWriteOnce"],
      capacity: { storage: asked }
    })
    return
  }
  const grown = () => {
    const current = cluster.store.get("PersistentVolumeClaim", namespace, name)
    if (current?.metadata.uid !== claim.metadata.uid || current.spec.resources?.requests?.["storage"] !== asked) return
    putStatus<PersistentVolumeClaim>(cluster, current, {
      phase: "Bound",
      accessModes: current.status?.["accessModes"],
      capacity: { storage: asked }
    })
  }
  if ((parseQuantity(asked) ?? 0) <= (parseQuantity(claim.status.capacity?.["storage"]) ?? 0)) return
  const resizing = withCondition(
    claim.status.conditions ?? [],
    { type: "Resizing", status: "True", reason: "", message: "" },
    cluster.stamp()
  )
  if (resizing === claim.status.conditions) return
  putStatus<PersistentVolumeClaim>(cluster, claim, { ...claim.status, conditions: resizing })
  cluster.after(cluster.pace.startup, grown)
}
