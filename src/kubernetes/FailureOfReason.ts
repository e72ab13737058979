/**
 * The failure record of a refused request: its code, its category, and what would allow it. Pure.
 *
 * What would allow it is written for the person who may do so: the missing RBAC rule as one line of YAML, or the object
 * to change. It contains names and quantities, never other text from upstream.
 */

import { categoryOf, type FailureCode, type FailureRecord } from "../domain/Failure.ts"
import type { KubernetesErrorReason } from "./KubernetesClient.ts"
import { refusalIn, unreachableWebhookIn } from "./RefusalText.ts"

const codes = {
  Unauthorized: "unauthorized",
  Forbidden: "forbidden",
  FieldManagerConflict: "field-owned",
  NotFound: "not-found",
  Conflict: "conflict",
  AlreadyExists: "already-exists",
  Expired: "expired",
  DisruptionBudget: "disruption-budget",
  TooManyRequests: "rate-limited",
  Timeout: "timeout",
  StorageFull: "storage-full",
  WrongCluster: "wrong-cluster",
  NotNow: "own-limit"
} as const satisfies Partial<Record<KubernetesErrorReason["_tag"], FailureCode>>

const denials = {
  "admission-policy": "policy-denied",
  webhook: "webhook-denied",
  "pod-security": "pod-security"
} as const
const failing = {
  webhook: "webhook-unreachable",
  "several-budgets": "several-budgets",
  "storage-read": "storage-read-error"
} as const

/** The code of a reason. */
const codeOf = (reason: KubernetesErrorReason): FailureCode => {
  switch (reason._tag) {
    case "QuotaExceeded":
      return reason.quota === undefined ? "limit-range" : "quota-exceeded"
    case "PolicyDenied":
      return reason.by === undefined ? "admission-denied" : denials[reason.by]
    case "Invalid":
      return reason.status === 400 ? "bad-request" : reason.status === 413 ? "too-large" : "invalid"
    case "Unavailable":
      return reason.because === undefined ? "unavailable" : failing[reason.because]
    default:
      return codes[reason._tag]
  }
}

const missingRule = ({
  group,
  namespace,
  resource,
  user,
  verb
}: NonNullable<Extract<KubernetesErrorReason, { _tag: "Forbidden" }>["missing"]>): string =>
  `Add the rule {apiGroups: ["${group}"], resources: ["${resource}"], verbs: ["${verb}"]} to a ${
    namespace === undefined ? "ClusterRole" : `Role in namespace ${namespace}`
  } that is bound to ${user}.`

/** What would allow the request; `undefined` when that is not a matter of permission or room. */
const remedyOf = (reason: KubernetesErrorReason): string | undefined => {
  switch (reason._tag) {
    case "Forbidden":
      return reason.missing === undefined
        ? "Grant the permission to Kubernaut's identity; kubernaut doctor lists what is missing."
        : missingRule(reason.missing)
    case "PolicyDenied":
      return denialRemedy(reason)
    case "QuotaExceeded":
      return reason.quota === undefined
        ? "Change the container's resources, or the LimitRange of the namespace."
        : `Raise ResourceQuota ${reason.quota}, or free some of what it counts.`
    case "FieldManagerConflict":
      return `Make the change where ${reason.managers.join(", ") || "the other field manager"} takes it from.`
    case "Unauthorized":
      return "Renew the credentials of Kubernaut's identity."
    case "StorageFull":
      return "Free space in etcd: compact and defragment it, then disarm its alarm."
    case "Unavailable":
      return unavailableRemedy(reason)
    default:
      return undefined
  }
}

const denialRemedy = ({
  binding,
  by,
  policy = ""
}: Extract<KubernetesErrorReason, { _tag: "PolicyDenied" }>): string => {
  switch (by) {
    case "admission-policy":
      return `Change ValidatingAdmissionPolicy ${policy}${binding === undefined ? "" : ` or its binding ${binding}`}, or make a change that it allows.`
    case "webhook":
      return `Ask the owner of the admission webhook ${policy}, or make a change that it allows.`
    case "pod-security":
      return `Change the pod template so that it meets ${policy}, or the label pod-security.kubernetes.io/enforce of the namespace.`
    default:
      return "Find the admission plugin in the audit log of the API server, or make a change that it allows."
  }
}

const unavailableRemedy = ({ because, webhook }: Extract<KubernetesErrorReason, { _tag: "Unavailable" }>) => {
  switch (because) {
    case "webhook":
      return `Restore the service of the admission webhook ${webhook ?? "that the API server names in its log"}.`
    case "several-budgets":
      return "Leave one PodDisruptionBudget that selects the pod."
    case "storage-read":
      return "Check the encryption keys and the storage of the API server."
    default:
      return undefined
  }
}

/** The record of a failure. */
export const failureOf = (reason: KubernetesErrorReason): FailureRecord & { readonly code: FailureCode } => {
  const code = codeOf(reason)
  const remedy = remedyOf(reason)
  const shortages = reason._tag === "QuotaExceeded" ? reason.shortages : undefined
  return {
    code,
    category: categoryOf(code),
    ...(remedy === undefined ? {} : { remedy }),
    ...(shortages === undefined ? {} : { shortages })
  }
}

/**
 * The record of a refusal that a controller quotes in a condition or an event; `undefined` when its text is not one of
 * admission.
 */
export const failureIn = (text: string): FailureRecord | undefined => {
  const webhook = unreachableWebhookIn(text)
  if (webhook !== undefined) return failureOf({ _tag: "Unavailable", because: "webhook", webhook })
  const reason = refusalIn(text) ?? (/" is forbidden: /.test(text) ? ({ _tag: "PolicyDenied" } as const) : undefined)
  return reason === undefined ? undefined : failureOf(reason)
}
