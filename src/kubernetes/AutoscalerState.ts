/** What the status of a HorizontalPodAutoscaler says. */

import { conditionOf, type HorizontalPodAutoscaler } from "./ObjectModel.ts"

/** Whether it wants more replicas than its maximum allows; `null` when it reports no replica counts. */
export const isAtMaximum = ({ spec, status }: HorizontalPodAutoscaler): boolean | null => {
  const desired = status?.desiredReplicas ?? status?.currentReplicas
  if (desired === undefined) return null
  const limited = conditionOf(status?.conditions, "ScalingLimited")
  return limited === undefined
    ? desired >= spec.maxReplicas
    : limited.status === "True" && limited.reason === "TooManyReplicas"
}
