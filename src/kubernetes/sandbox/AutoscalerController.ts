/**
 * The autoscaler controller: it scales the target to the demand that the sandbox defines for it, within the
 * autoscaler's bounds. Without a defined demand, it only keeps the replica count within the bounds.
 */

import type { Condition, Deployment, HorizontalPodAutoscaler, StatefulSet } from "../ObjectModel.ts"
import { isBuiltIn } from "../Ownership.ts"
import type { Cluster } from "./Cluster.ts"
import { afterWrite } from "./ManagedFields.ts"
import { putStatus, withCondition } from "./Status.ts"

const targetUtilization = 70

/** Schedules one reconciliation after the autoscaler's period, in which it may scale. */
const waitForPeriod = (cluster: Cluster, autoscaler: HorizontalPodAutoscaler): void => {
  const { uid, name, namespace = "" } = autoscaler.metadata
  if (cluster.autoscalers.has(uid)) return
  cluster.autoscalers.set(uid, "waiting")
  cluster.after(cluster.pace.autoscaler, () => {
    cluster.autoscalers.set(uid, "due")
    cluster.enqueue("HorizontalPodAutoscaler", namespace, name)
  })
}

const scalingLimit = (wanted: number, minReplicas: number, maxReplicas: number) => {
  const limited = (status: "True" | "False", reason: string, message: string) =>
    ({ type: "ScalingLimited", status, reason, message }) as const
  if (wanted > maxReplicas)
    return limited("True", "TooManyReplicas", "the desired replica count is more than the maximum replica count")
  if (wanted < minReplicas)
    return limited("True", "TooFewReplicas", "the desired replica count is less than the minimum replica count")
  return limited("False", "DesiredWithinRange", "the desired count is within the acceptable range")
}

const conditionsOf = (autoscaler: HorizontalPodAutoscaler, wanted: number, now: string): ReadonlyArray<Condition> => {
  const { maxReplicas, minReplicas = 1 } = autoscaler.spec
  const next = [
    {
      type: "AbleToScale",
      status: "True",
      reason: "ReadyForNewScale",
      message: "recommended size matches current size"
    },
    {
      type: "ScalingActive",
      status: "True",
      reason: "ValidMetricFound",
      message:
        "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"
    },
    scalingLimit(wanted, minReplicas, maxReplicas)
  ] as const
  return next.reduce<ReadonlyArray<Condition>>(
    (conditions, each) => withCondition(conditions, each, now),
    autoscaler.status?.conditions ?? []
  )
}

/** Sets the target's replica count, or waits for the period in which that is allowed. */
const rescale = (
  cluster: Cluster,
  autoscaler: HorizontalPodAutoscaler,
  target: Deployment | StatefulSet,
  replicas: number
): void => {
  if (cluster.autoscalers.get(autoscaler.metadata.uid) !== "due") return waitForPeriod(cluster, autoscaler)
  cluster.autoscalers.delete(autoscaler.metadata.uid)
  cluster.event(
    autoscaler,
    "Normal",
    "SuccessfulRescale",
    `New size: ${replicas}; reason: cpu resource utilization (percentage of request) above target`,
    "horizontal-pod-autoscaler"
  )
  const scaled = { ...target, spec: { ...target.spec, replicas } } as typeof target
  cluster.store.put({
    ...scaled,
    metadata: {
      ...target.metadata,
      generation: (target.metadata.generation ?? 1) + 1,
      managedFields: afterWrite(scaled, target, {
        manager: "kube-controller-manager",
        subresource: "scale",
        time: cluster.stamp()
      })
    }
  })
}

export const reconcileAutoscaler = (cluster: Cluster, namespace: string, name: string): void => {
  const autoscaler = cluster.store.get("HorizontalPodAutoscaler", namespace, name)
  if (autoscaler === undefined) return
  const { kind, name: targetName } = autoscaler.spec.scaleTargetRef
  const target =
    isBuiltIn(autoscaler.spec.scaleTargetRef) && (kind === "Deployment" || kind === "StatefulSet")
      ? cluster.store.get(kind, namespace, targetName)
      : undefined
  if (target === undefined) return
  const { maxReplicas, minReplicas = 1 } = autoscaler.spec
  const current = target.status?.replicas ?? 0
  const present = target.spec.replicas ?? 1
  const wanted = cluster.demand.get(`${namespace}/${targetName}`) ?? present
  const desired = present === 0 ? 0 : Math.min(maxReplicas, Math.max(minReplicas, wanted))
  if (desired !== present) rescale(cluster, autoscaler, target, desired)
  const utilization = current === 0 ? 0 : Math.round((targetUtilization * wanted) / current)
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
    conditions: conditionsOf(autoscaler, wanted, cluster.stamp())
  })
}
