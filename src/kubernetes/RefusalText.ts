/**
 * Reads why a request was refused from the text of a refusal: of a `metav1.Status`, or of what a controller quotes in a
 * condition or an event. Pure.
 *
 * Kubernetes has no field for it: RBAC, quotas, LimitRanges, Pod Security and webhooks all use 403 `Forbidden`. Only
 * names and quantities are passed on, never other text.
 *
 * | text                                                                       | reason                                 |
 * | -------------------------------------------------------------------------- | -------------------------------------- |
 * | `ValidatingAdmissionPolicy 'P' with binding 'B' denied request`            | `PolicyDenied`, whatever the status is |
 * | `admission webhook "W" denied the request`                                 | `PolicyDenied`, whatever the status is |
 * | `exceeded quota: Q, requested: …, used: …, limited: …`, `failed quota: Q`  | `QuotaExceeded` with the quota         |
 * | `maximum memory usage per Container is …`, and the other texts of a range  | `QuotaExceeded` without a quota        |
 * | `violates PodSecurity "restricted:latest"`                                 | `PolicyDenied`                         |
 * | `User "U" cannot patch resource "R" in API group "G" in the namespace "N"` | `Forbidden`                            |
 */

import type { KubernetesErrorReason } from "./KubernetesClient.ts"

type Reason<Tag extends KubernetesErrorReason["_tag"]> = Extract<KubernetesErrorReason, { readonly _tag: Tag }>

/** The denial by an admission policy or a webhook, which may have any status code; `undefined` when there is none. */
export const denialIn = (message: string): Reason<"PolicyDenied"> | undefined => {
  const policy = /ValidatingAdmissionPolicy '([^']+)' with binding '([^']*)' denied request/.exec(message)
  if (policy !== null) {
    const [, name = "", binding = ""] = policy
    return { _tag: "PolicyDenied", policy: name, by: "admission-policy", ...(binding === "" ? {} : { binding }) }
  }
  const webhook = /admission webhook "([^"]+)" denied the request/.exec(message)
  return webhook === null ? undefined : { _tag: "PolicyDenied", policy: webhook[1] ?? "", by: "webhook" }
}

/** `requests.cpu=2,pods=1` as pairs. */
const amounts = (text: string | undefined): ReadonlyMap<string, string> =>
  new Map(
    (text ?? "").split(",").flatMap((pair) => {
      const [, resource, amount] = /^([\w./-]+)=([\w.+-]+)$/.exec(pair) ?? []
      return resource === undefined || amount === undefined ? [] : [[resource, amount] as const]
    })
  )

const quotaIn = (message: string): Reason<"QuotaExceeded"> | undefined => {
  const [, quota] = /(?:exceeded|failed) quota: ([^,:\s]+)/.exec(message) ?? []
  if (quota === undefined) return undefined
  const figures = /, requested: (\S+), used: (\S+), limited: (\S+)/.exec(message)
  const [requested, used, hard] = [amounts(figures?.[1]), amounts(figures?.[2]), amounts(figures?.[3])]
  const shortages = [...requested].flatMap(([resource, amount]) => {
    const [inUse, limit] = [used.get(resource), hard.get(resource)]
    return inUse === undefined || limit === undefined
      ? []
      : [{ quota, resource, requested: amount, used: inUse, hard: limit }]
  })
  return { _tag: "QuotaExceeded", quota, ...(shortages.length === 0 ? {} : { shortages }) }
}

const isByRange = (message: string): boolean =>
  /(?:maximum|minimum) \S+ usage per \S+ is|max limit to request ratio per \S+ is|must specify (?:limits|requests)\./.test(
    message
  )

const grant = /User "([^"\s]+)" cannot (\w+) resource "([\w./-]+)" in API group "([\w.-]*)"/

/** What RBAC does not grant; `undefined` when the text does not come from RBAC. */
const rbacIn = (message: string): Reason<"Forbidden"> | undefined => {
  const [text, user, verb, resource, group] = grant.exec(message) ?? []
  if (text !== undefined && user !== undefined && verb !== undefined && resource !== undefined) {
    const [, namespace] = / in the namespace "([\w.-]+)"/.exec(message.slice(message.indexOf(text))) ?? []
    return {
      _tag: "Forbidden",
      missing: { user, verb, resource, group: group ?? "", ...(namespace === undefined ? {} : { namespace }) }
    }
  }
  return /cannot \S+ (?:resource|path) "/.test(message)
    || message.includes("attempting to grant RBAC permissions not currently held")
    ? { _tag: "Forbidden" }
    : undefined
}

/** Why the text says that a request was refused; `undefined` when it says none of what the table lists. */
export const refusalIn = (message: string): KubernetesErrorReason | undefined => {
  const denied = denialIn(message) ?? quotaIn(message)
  if (denied !== undefined) return denied
  if (isByRange(message)) return { _tag: "QuotaExceeded" }
  const [, level] = /violates (PodSecurity "[^"]+")/.exec(message) ?? []
  if (level !== undefined) return { _tag: "PolicyDenied", policy: level, by: "pod-security" }
  return rbacIn(message)
}

/** The webhook that the API server could not reach; `undefined` when the text is about something else. */
export const unreachableWebhookIn = (message: string): string | undefined =>
  /failed calling webhook "([^"\s]+)"/.exec(message)?.[1]
