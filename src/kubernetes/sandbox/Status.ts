/** Status updates that write only real changes, so that a new `resourceVersion` always means new content. */

import type { KubernetesObject } from "../KubernetesClient.ts"
import type { Condition } from "../ObjectModel.ts"
import type { Cluster } from "./Cluster.ts"

/** Whether two JSON values are equal. `undefined` fields count as absent. */
export const sameJson = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a)
      && Array.isArray(b)
      && a.length === b.length
      && a.every((value, index) => sameJson(value, b[index]))
    )
  }
  const left = a as Record<string, unknown>
  const right = b as Record<string, unknown>
  let count = 0
  for (const key in left) {
    const value = left[key]
    if (value === undefined) continue
    count++
    // Most values are strings and numbers, which need no call.
    if (value !== right[key] && !sameJson(value, right[key])) return false
  }
  for (const key in right) if (right[key] !== undefined) count--
  return count === 0
}

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
