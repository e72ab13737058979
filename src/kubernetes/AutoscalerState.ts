/** What the status of a HorizontalPodAutoscaler says. */

import { conditionOf, type HorizontalPodAutoscaler } from "./ObjectModel.ts"

/** Whether its maximum keeps it from scaling up; `null` when it does not say so. */
export const isLimited = ({ status }: HorizontalPodAutoscaler): boolean | null => {
  const limited = conditionOf(status?.conditions, "ScalingLimited")
  return limited === undefined ? null : limited.status === "True" && limited.reason === "TooManyReplicas"
}

/** Whether it wants more replicas than its maximum allows; `null` when it reports no replica counts. */
export const isAtMaximum = (autoscaler: HorizontalPodAutoscaler): boolean | null => {
  const { spec, status } = autoscaler
  const desired = status?.desiredReplicas ?? status?.currentReplicas
  return desired === undefined ? null : (isLimited(autoscaler) ?? desired >= spec.maxReplicas)
}
