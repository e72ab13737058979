/** The quota controller: how much of each ResourceQuota the pods of its namespace use. */

import * as Quantity from "../../domain/Quantity.ts"
import type { Pod, ResourceQuota } from "../ObjectModel.ts"
import { type Cluster, requestsOf } from "./Cluster.ts"
import { retryCreations } from "./RefusedCreations.ts"
import { putStatus } from "./Status.ts"

interface LineUse {
  readonly resource: string
  readonly hard: string
  readonly used: Quantity.Amount
  /** What one pod counts. */
  readonly amountOf: (pod: Pod) => Quantity.Amount
}

const counterOf = (resource: string): ((pod: Pod) => Quantity.Amount) | undefined => {
  if (resource === "pods" || resource === "count/pods") return () => Quantity.unit
  const [of, name] = resource.includes(".") ? (resource.split(".") as [string, string]) : ["requests", resource]
  return name === "cpu" || name === "memory"
    ? (pod) => requestsOf(pod, name, of === "limits" ? "limits" : "requests")
    : undefined
}

/** The lines of a quota on pod counts, CPU and memory, with what is used. Finished pods count nothing. */
export const quotaUse = (cluster: Cluster, quota: ResourceQuota): ReadonlyArray<LineUse> => {
  const pods = cluster.store
    .list("Pod", quota.metadata.namespace)
    .filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed")
  return Object.entries(quota.spec?.hard ?? {}).flatMap(([resource, hard]) => {
    const amountOf = counterOf(resource)
    return amountOf === undefined
      ? []
      : [{ resource, hard: String(hard), used: pods.reduce((sum, pod) => sum + amountOf(pod), 0n), amountOf }]
  })
}

export const reconcileQuota = (cluster: Cluster, namespace: string, name: string): void => {
  const quota = cluster.store.get("ResourceQuota", namespace, name)
  if (quota === undefined) return retryCreations(cluster, namespace)
  // Somebody may have raised it.
  if (JSON.stringify(quota.status?.hard) !== JSON.stringify(quota.spec?.hard)) retryCreations(cluster, namespace)
  const used = quotaUse(cluster, quota).map((line) => [line.resource, Quantity.format(line.used)] as const)
  putStatus<ResourceQuota>(cluster, quota, { hard: quota.spec?.hard ?? {}, used: Object.fromEntries(used) })
}
