/**
 * Why a pod may not be created: its namespace terminates, or Pod Security, a LimitRange or a quota refuses it.
 * Controllers and clients are refused alike, as on a real API server: a workload is stored although none of its pods
 * may exist.
 *
 * LimitRanges check, but do not fill in defaults: a container without a value is checked with the default.
 */

import * as Quantity from "../../domain/Quantity.ts"
import type { KubernetesErrorReason } from "../KubernetesClient.ts"
import type { LimitRange, Pod, Quantities } from "../ObjectModel.ts"
import { type Cluster, requestsOf } from "./Cluster.ts"
import { quotaUse } from "./QuotaController.ts"

export interface Refusal {
  readonly reason: KubernetesErrorReason
  /** For events of the cluster. Errors of the port carry no text. */
  readonly message: string
}

/** The refusal of new content by a namespace that is being deleted. */
export const namespaceRefusal = (cluster: Cluster, namespace: string | undefined): Refusal | undefined =>
  namespace !== undefined && cluster.store.get("Namespace", "", namespace)?.metadata.deletionTimestamp !== undefined
    ? {
        reason: { _tag: "PolicyDenied" },
        message: `unable to create new content in namespace ${namespace} because it is being terminated`
      }
    : undefined

type Item = NonNullable<NonNullable<LimitRange["spec"]>["limits"]>[number]

/** Where one amount of a container or a pod violates a limit. */
const violationOf = (
  item: Item,
  amountOf: (list: "requests" | "limits", resource: string) => Quantity.Amount | undefined
): string | undefined => {
  for (const [resource, most] of Object.entries(item.max ?? {})) {
    const [limit, maximum] = [amountOf("limits", resource), Quantity.parse(most)]
    if (limit !== undefined && maximum !== undefined && limit > maximum)
      return `maximum ${resource} usage per ${item.type} is ${most}, but limit is ${Quantity.format(limit)}`
  }
  for (const [resource, least] of Object.entries(item.min ?? {})) {
    const [request, minimum] = [amountOf("requests", resource), Quantity.parse(least)]
    if (request !== undefined && minimum !== undefined && request < minimum)
      return `minimum ${resource} usage per ${item.type} is ${least}, but request is ${Quantity.format(request)}`
  }
  return undefined
}

const limitRangeRefusal = (cluster: Cluster, pod: Pod): Refusal | undefined => {
  for (const range of cluster.store.list("LimitRange", pod.metadata.namespace)) {
    for (const item of range.spec?.limits ?? []) {
      const ofContainer = (resources: Pod["spec"]["containers"][number]["resources"]) =>
        violationOf(item, (list, resource) => {
          const own: Quantities = resources?.[list] ?? {}
          const standard =
            list === "limits" ? (item.default ?? item.max) : (item.defaultRequest ?? item.default ?? item.max)
          return Quantity.parse(
            own[resource] ?? (list === "requests" ? resources?.limits?.[resource] : undefined) ?? standard?.[resource]
          )
        })
      const violation =
        item.type === "Container"
          ? pod.spec.containers.map(({ resources }) => ofContainer(resources)).find((each) => each !== undefined)
          : item.type === "Pod"
            ? violationOf(item, (list, resource) => requestsOf(pod, resource, list))
            : undefined
      if (violation !== undefined)
        return {
          reason: { _tag: "QuotaExceeded" },
          message: `pods "${pod.metadata.name}" is forbidden: ${violation}`
        }
    }
  }
  return undefined
}

/** The refusal by a quota of the pod's namespace on pod counts, CPU or memory; `undefined` if all allow the pod. */
const quotaRefusal = (cluster: Cluster, pod: Pod): Refusal | undefined => {
  for (const quota of cluster.store.list("ResourceQuota", pod.metadata.namespace)) {
    for (const { amountOf, hard, resource, used } of quotaUse(cluster, quota)) {
      const limited = Quantity.parse(hard)
      if (limited !== undefined && used + amountOf(pod) > limited) {
        const { name } = quota.metadata
        const [requested, inUse] = [Quantity.format(amountOf(pod)), Quantity.format(used)]
        return {
          reason: {
            _tag: "QuotaExceeded",
            quota: name,
            shortages: [{ quota: name, resource, requested, used: inUse, hard: String(hard) }]
          },
          message: `pods "${pod.metadata.name}" is forbidden: exceeded quota: ${name}, requested: ${resource}=${requested}, used: ${resource}=${inUse}, limited: ${resource}=${hard}`
        }
      }
    }
  }
  return undefined
}

/** The refusal by Pod Security, where the namespace enforces `restricted`. Of its rules, only one is checked. */
const podSecurityRefusal = (cluster: Cluster, pod: Pod): Refusal | undefined => {
  const { metadata } = cluster.store.get("Namespace", "", pod.metadata.namespace ?? "") ?? {}
  if (metadata?.labels?.["pod-security.kubernetes.io/enforce"] !== "restricted") return undefined
  const context = pod.spec["securityContext"] as { readonly runAsNonRoot?: boolean } | undefined
  if (context?.runAsNonRoot === true) return undefined
  return {
    reason: { _tag: "PolicyDenied", policy: "restricted:latest", by: "pod-security" },
    message: `pods "${pod.metadata.name}" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod must set securityContext.runAsNonRoot=true)`
  }
}

/** Why the pod may not be created; `undefined` if it may. */
export const podRefusal = (cluster: Cluster, pod: Pod): Refusal | undefined =>
  namespaceRefusal(cluster, pod.metadata.namespace)
  ?? podSecurityRefusal(cluster, pod)
  ?? limitRangeRefusal(cluster, pod)
  ?? quotaRefusal(cluster, pod)
