/** Status updates that write only real changes, so that a new `resourceVersion` always means new content. */

import type { KubernetesObject } from "../KubernetesClient.ts"
import type { Condition } from "../ObjectModel.ts"
import { sameJson } from "../SameJson.ts"
import type { Cluster } from "./Cluster.ts"

/** Sets one condition. Its `lastTransitionTime` changes only with its status. */
export const withCondition = (
  conditions: ReadonlyArray<Condition>,
  next: { readonly type: string; readonly status: "True" | "False"; readonly reason: string; readonly message: string },
  stamp: string
): ReadonlyArray<Condition> => {
  const previous = conditions.find((condition) => condition.type === next.type)
  if (previous?.status === next.status && previous.reason === next.reason && previous.message === next.message)
    return conditions
  const lastTransitionTime = previous?.status === next.status ? (previous.lastTransitionTime ?? stamp) : stamp
  const condition: Condition = { ...next, lastUpdateTime: stamp, lastTransitionTime }
  return previous === undefined
    ? [...conditions, condition]
    : conditions.map((each) => (each === previous ? condition : each))
}

/** Stores a status if it differs from the current one. */
export const putStatus = <A extends KubernetesObject & { readonly status?: unknown }>(
  cluster: Cluster,
  object: A,
  status: A["status"]
): A => (sameJson(object.status, status) ? object : cluster.store.put({ ...object, status }))
