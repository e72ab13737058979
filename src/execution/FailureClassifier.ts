/**
 * Classifies a failed request to the cluster: its meaning for the action that made it.
 *
 * The categories are those of `docs/requirements.md` ("Failed execution"). The code of a response is found by
 * `kubernetes/FailureOfReason`, and `RecoveryStrategy` says what is done next. Rows with a status are responses of the
 * API server; the others are decisions of Kubernaut.
 *
 * | code                  | status   | category | recovery                                                               |
 * | --------------------- | -------- | -------- | ---------------------------------------------------------------------- |
 * | `unauthorized`        | 401      | api      | refresh the same identity once, then use the next one that is listed   |
 * | `forbidden`           | 403      | policy   | a person grants the permission; never try another identity             |
 * | `policy-denied`       | 4xx      | policy   | a person changes the ValidatingAdmissionPolicy or the request          |
 * | `webhook-denied`      | 4xx      | policy   | a person asks the webhook's owner                                      |
 * | `pod-security`        | 403      | policy   | a person changes the template or the namespace's level                 |
 * | `admission-denied`    | 403      | policy   | a person finds the admission plugin                                    |
 * | `field-owned`         | 409      | api      | a person: another manager owns the field                               |
 * | `quota-exceeded`      | 403      | resource | an alternative action that fits                                        |
 * | `limit-range`         | 403      | resource | an alternative action that fits                                        |
 * | `storage-full`        | 500, 507 | resource | no further writes; a person frees space                                |
 * | `not-found`           | 404      | api      | plan again: the target has changed                                     |
 * | `conflict`            | 409      | api      | plan again on the current object                                       |
 * | `already-exists`      | 409      | api      | compare; identical content is success                                  |
 * | `invalid`             | 422      | api      | a person; the same request stays invalid                               |
 * | `bad-request`         | 400      | api      | a person; the same request stays wrong                                 |
 * | `too-large`           | 413      | api      | a person; the same request stays too large                             |
 * | `expired`             | 410      | api      | read again                                                             |
 * | `disruption-budget`   | 429      | policy   | retry slowly up to a deadline, then a person                           |
 * | `several-budgets`     | 500      | policy   | a person; evictions do not support two budgets for one pod             |
 * | `rate-limited`        | 429      | api      | wait as long as the server requests, then send again                   |
 * | `unavailable`         | 5xx      | api      | wait, read back, then send again                                       |
 * | `webhook-unreachable` | 500      | api      | wait, then send again                                                  |
 * | `storage-read-error`  | 500      | api      | a person                                                               |
 * | `timeout`             | 504, 500 | timeout  | read back what happened before anything else                           |
 * | `wrong-cluster`       |          | policy   | a person: nothing is written until the cluster's identity is confirmed |
 * | `own-limit`           |          | api      | wait and send again: a limit of Kubernaut turned the request away      |
 * | `fenced`              |          | api      | none: a newer activation continues                                     |
 * | `stale`               |          | timeout  | a person: the intent is too old to be carried out                      |
 * | `mode`                |          | policy   | a person: an operator has set the mode                                 |
 * | `approval-expired`    |          | policy   | a person: the approval was not used before it expired                  |
 * | `emergency-stop`      |          | policy   | a person: an operator has set the emergency stop                       |
 * | `level`               |          | policy   | a person: the degradation level has fallen since the decision          |
 * | `nodes-out`           |          | policy   | a person: too many nodes of the pool are out                           |
 * | `pods-remain`         |          | policy   | a person: a pod that nobody was asked about is on a drained node       |
 * | `defect`              |          | api      | a person: a defect of Kubernaut has stopped the action three times     |
 */

import type { Change } from "../domain/Change.ts"
import { type DegradationLevel, levelName } from "../domain/DegradationLevel.ts"
import { categoryOf, type FailureCategory, type FailureCode, type FailureRecord } from "../domain/Failure.ts"
import { failureOf } from "../kubernetes/FailureOfReason.ts"
import {
  describeUnavailable,
  describeWrongCluster,
  type KubernetesError,
  type KubernetesErrorReason
} from "../kubernetes/KubernetesClient.ts"

export interface Failure extends FailureRecord {
  readonly code: FailureCode
  readonly category: FailureCategory
  /** For people. Contains no text from upstream. */
  readonly message: string
}

const own = (code: FailureCode, message: string): Failure => ({ code, category: categoryOf(code), message })

/** The fence was lost before a write. */
export const fenced: Failure = own(
  "fenced",
  "A newer activation has claimed the target, so this one made no further writes."
)

/** The intent expired before a write. */
export const stale: Failure = own(
  "stale",
  "The intent is too old to be carried out without a new decision, so no further writes were made."
)

/** The current mode does not allow the write. */
export const otherMode: Failure = own(
  "mode",
  "The service now runs in a mode that does not allow this action without an approval, so no further writes were made."
)

/** The approval of the action has expired before a write. */
export const approvalExpired = (by: string, expiresAt: string): Failure =>
  own(
    "approval-expired",
    `The approval of ${by} expired at ${expiresAt}, before the action was carried out, so no further writes were made.`
  )

/** The emergency stop was set before a write. `reason` says who set it. */
export const emergencyStopped = (reason: string): Failure =>
  own("emergency-stop", `${reason} No further writes were made.`)

/** The degradation level has fallen between the decision and the first write. `action` is its type. */
export const levelFell = (level: DegradationLevel, action: string): Failure =>
  own(
    "level",
    `The level has fallen to ${level} (${levelName(level)}), at which no ${action} starts. No writes were made.`
  )

/** Too many nodes are out to cordon one more. `reason` says how many. */
export const nodesOut = (reason: string): Failure => own("nodes-out", `${reason} No further writes were made.`)

/** The API server said, before the first write, that it would refuse the action or hide its result. */
export const notPermitted = (message: string): Failure => own("forbidden", message)

/** A defect of Kubernaut has stopped the action time after time. */
export const defective: Failure = own(
  "defect",
  "A defect of Kubernaut has stopped it again and again. The log describes it."
)

/** Pods are left on a node that is drained. `reason` says which, and why they stay. */
export const podsRemain = (reason: string): Failure => own("pods-remain", `${reason} It stays on the node.`)

/** Another party changed or deleted the object of a change. */
export const changedSincePlan = ({ ref }: Change): Failure =>
  own("conflict", `${ref.kind} ${ref.name} has changed since the action was planned.`)

const describeDenial = ({ binding, by, policy }: Extract<KubernetesErrorReason, { _tag: "PolicyDenied" }>): string => {
  switch (by) {
    case "admission-policy":
      return `ValidatingAdmissionPolicy ${policy}${binding === undefined ? "" : ` with binding ${binding}`} denied the request`
    case "webhook":
      return `the admission webhook ${policy} denied the request`
    default:
      return `${policy ?? "an admission policy"} denied the request`
  }
}

const describeForbidden = ({ missing }: Extract<KubernetesErrorReason, { _tag: "Forbidden" }>): string =>
  missing === undefined
    ? "RBAC does not grant Kubernaut this permission"
    : `RBAC does not let ${missing.user} ${missing.verb} ${missing.resource}${missing.namespace === undefined ? "" : ` in namespace ${missing.namespace}`}`

const describeQuota = ({ quota, shortages = [] }: Extract<KubernetesErrorReason, { _tag: "QuotaExceeded" }>): string =>
  quota === undefined
    ? "a LimitRange does not allow the request"
    : `the request would exceed the quota ${quota}${shortages
        .map(({ hard, requested, resource, used }) => `, ${resource}: requested ${requested}, used ${used} of ${hard}`)
        .join("")}`

const explain = (reason: KubernetesErrorReason): string => {
  switch (reason._tag) {
    case "Unauthorized":
      return "the API server rejected Kubernaut's credentials"
    case "Forbidden":
      return describeForbidden(reason)
    case "PolicyDenied":
      return describeDenial(reason)
    case "FieldManagerConflict":
      return `${reason.managers.join(", ") || "another field manager"} owns a field that the request changes`
    case "QuotaExceeded":
      return describeQuota(reason)
    case "NotFound":
      return "the object does not exist"
    case "Conflict":
      return "the object has changed since it was read"
    case "AlreadyExists":
      return "the object already exists"
    case "Invalid":
      return `the API server rejected the request as ${reason.status === 413 ? "too large" : "invalid"}${reason.fields.length === 0 ? "" : ` (${reason.fields.join(", ")})`}`
    case "Expired":
      return "the requested resourceVersion is too old"
    case "DisruptionBudget":
      return "a PodDisruptionBudget does not allow the eviction now"
    case "TooManyRequests":
      return "the API server is shedding load"
    case "Unavailable":
      return describeUnavailable(reason)
    case "Timeout":
      return "the API server did not respond in time"
    case "StorageFull":
      return "the cluster's storage is full"
    case "WrongCluster":
      return describeWrongCluster(reason.why)
    case "NotNow":
      return ownLimits[reason.limit]
  }
}

const ownLimits = {
  "circuit-breaker": "Kubernaut sent no request, because its circuit breaker for the API server is open",
  bulkhead: "Kubernaut sent no request, because too many of its own requests were waiting"
} as const

/** What is put on record about a failure. */
export const recordOf = ({ category, code, remedy, shortages }: Failure): FailureRecord => ({
  code,
  category,
  ...(remedy === undefined ? {} : { remedy }),
  ...(shortages === undefined ? {} : { shortages })
})

/** The meaning of a failed request. */
export const classify = ({ operation, reason }: KubernetesError): Failure => ({
  ...failureOf(reason),
  message: `${operation}: ${explain(reason)}.`
})
