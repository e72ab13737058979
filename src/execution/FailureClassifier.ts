/**
 * Classifies a failed request to the cluster: its meaning for the action that made it.
 *
 * The categories are those of `docs/requirements.md` ("Failed execution"). `recovery` is the appropriate reaction to
 * each failure. Until recovery strategies exist, a failed action ends `Escalated` with its code and message on record,
 * and only the recoveries marked ✓ are automatic.
 *
 * | code                | category | recovery                                                                        |     |
 * | ------------------- | -------- | ------------------------------------------------------------------------------- | --- |
 * | `unauthorized`      | api      | refresh the same identity once, then use the next one that the operator lists   |     |
 * | `forbidden`         | policy   | escalate; never try another identity                                            | ✓   |
 * | `policy-denied`     | policy   | escalate                                                                        | ✓   |
 * | `field-owned`       | policy   | escalate: another manager owns the field                                        | ✓   |
 * | `quota-exceeded`    | resource | a smaller allocation or another action                                          |     |
 * | `not-found`         | gone     | plan again                                                                      |     |
 * | `conflict`          | conflict | plan again on the current object                                                | ✓   |
 * | `already-exists`    | conflict | compare; identical content is success                                           | ✓   |
 * | `invalid`           | api      | another action, or escalate; the same request stays invalid                     |     |
 * | `expired`           | api      | read again                                                                      | ✓   |
 * | `disruption-budget` | policy   | retry slowly up to a deadline, then escalate; says nothing about the API server | ✓   |
 * | `rate-limited`      | api      | back off for as long as the server requests                                     | ✓   |
 * | `unavailable`       | api      | back off                                                                        | ✓   |
 * | `timeout`           | timeout  | read back what happened before anything else                                    | ✓   |
 * | `storage-full`      | resource | stop writing to the cluster                                                     |     |
 * | `wrong-cluster`     | policy   | escalate: nothing is written until the cluster's identity is confirmed          | ✓   |
 * | `own-limit`         | api      | wait and send again: a limit of Kubernaut turned the request away               | ✓   |
 * | `fenced`            | conflict | none: a newer activation continues                                              | ✓   |
 * | `stale`             | timeout  | decide again                                                                    |     |
 * | `mode`              | policy   | escalate: an operator has set the mode                                          | ✓   |
 * | `nodes-out`         | policy   | escalate: too many nodes of the pool are out                                    | ✓   |
 */

import { Schema } from "effect"
import type { Change } from "../domain/Change.ts"
import {
  describeWrongCluster,
  type KubernetesError,
  type KubernetesErrorReason
} from "../kubernetes/KubernetesClient.ts"

/** The codes of `ExecutionOutcome.failure`. */
export const FailureCode = Schema.Literals([
  "unauthorized",
  "forbidden",
  "policy-denied",
  "field-owned",
  "quota-exceeded",
  "not-found",
  "conflict",
  "already-exists",
  "invalid",
  "expired",
  "disruption-budget",
  "rate-limited",
  "unavailable",
  "timeout",
  "storage-full",
  /** It is not certain that this is the cluster of the service. */
  "wrong-cluster",
  /** Not a response of the cluster: a limit of Kubernaut turned the request away. */
  "own-limit",
  /** Not a response of the cluster: a newer activation has claimed the target. */
  "fenced",
  /** Not a response of the cluster: the intent is too old to be carried out without a new decision. */
  "stale",
  /** Not a response of the cluster: the current mode does not allow the action without an approval. */
  "mode",
  /** Not a response of the cluster: since the plan, too many nodes of the pool have gone out. */
  "nodes-out"
])
export type FailureCode = typeof FailureCode.Type

export type FailureCategory = "api" | "resource" | "policy" | "timeout" | "conflict" | "gone"

export type Recovery =
  | "refresh-identity"
  | "escalate"
  | "alternative"
  | "plan-again"
  | "compare"
  | "read-again"
  | "slow-retry"
  | "back-off"
  | "read-back"
  | "stop-writing"
  | "decide-again"
  | "none"

export interface Failure {
  readonly code: FailureCode
  readonly category: FailureCategory
  readonly recovery: Recovery
  /** For people. Contains no text from upstream. */
  readonly message: string
}

/** The fence was lost before a write. */
export const fenced: Failure = {
  code: "fenced",
  category: "conflict",
  recovery: "none",
  message: "A newer activation has claimed the target, so this one made no further writes."
}

/** The intent expired before a write. */
export const stale: Failure = {
  code: "stale",
  category: "timeout",
  recovery: "decide-again",
  message: "The intent is too old to be carried out without a new decision, so no further writes were made."
}

/** The current mode does not allow the write. */
export const otherMode: Failure = {
  code: "mode",
  category: "policy",
  recovery: "escalate",
  message:
    "The service now runs in a mode that does not allow this action without an approval, so no further writes were made."
}

/** Too many nodes are out to cordon one more. `reason` says how many. */
export const nodesOut = (reason: string): Failure => ({
  code: "nodes-out",
  category: "policy",
  recovery: "escalate",
  message: `${reason} No further writes were made.`
})

/** The API server said, before the first write, that it would refuse the action or hide its result. */
export const notPermitted = (message: string): Failure => ({
  code: "forbidden",
  category: "policy",
  recovery: "escalate",
  message
})

/** Another party changed or deleted the object of a change. */
export const changedSincePlan = ({ ref }: Change): Failure => ({
  code: "conflict",
  category: "conflict",
  recovery: "plan-again",
  message: `${ref.kind} ${ref.name} has changed since the action was planned.`
})

type ReasonTag = KubernetesErrorReason["_tag"]

const kinds: Readonly<Record<ReasonTag, readonly [FailureCode, FailureCategory, Recovery]>> = {
  Unauthorized: ["unauthorized", "api", "refresh-identity"],
  Forbidden: ["forbidden", "policy", "escalate"],
  PolicyDenied: ["policy-denied", "policy", "escalate"],
  FieldManagerConflict: ["field-owned", "policy", "escalate"],
  QuotaExceeded: ["quota-exceeded", "resource", "alternative"],
  NotFound: ["not-found", "gone", "plan-again"],
  Conflict: ["conflict", "conflict", "plan-again"],
  AlreadyExists: ["already-exists", "conflict", "compare"],
  Invalid: ["invalid", "api", "alternative"],
  Expired: ["expired", "api", "read-again"],
  DisruptionBudget: ["disruption-budget", "policy", "slow-retry"],
  TooManyRequests: ["rate-limited", "api", "back-off"],
  Unavailable: ["unavailable", "api", "back-off"],
  Timeout: ["timeout", "timeout", "read-back"],
  StorageFull: ["storage-full", "resource", "stop-writing"],
  WrongCluster: ["wrong-cluster", "policy", "escalate"],
  NotNow: ["own-limit", "api", "back-off"]
}

const explain = (reason: KubernetesErrorReason): string => {
  switch (reason._tag) {
    case "Unauthorized":
      return "the API server rejected Kubernaut's credentials"
    case "Forbidden":
      return "RBAC does not grant Kubernaut this permission"
    case "PolicyDenied":
      return `${reason.policy ?? "an admission policy"} denied the request`
    case "FieldManagerConflict":
      return `${reason.managers.join(", ") || "another field manager"} owns a field that the request changes`
    case "QuotaExceeded":
      return `the request would exceed ${reason.quota ?? "a quota or limit range"}`
    case "NotFound":
      return "the object does not exist"
    case "Conflict":
      return "the object has changed since it was read"
    case "AlreadyExists":
      return "the object already exists"
    case "Invalid":
      return `the API server rejected the request as invalid${reason.fields.length === 0 ? "" : ` (${reason.fields.join(", ")})`}`
    case "Expired":
      return "the requested resourceVersion is too old"
    case "DisruptionBudget":
      return "a PodDisruptionBudget does not allow the eviction now"
    case "TooManyRequests":
      return "the API server is shedding load"
    case "Unavailable":
      return "the API server is unreachable or failing"
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

/** The meaning of a failed request. */
export const classify = ({ operation, reason }: KubernetesError): Failure => {
  const [code, category, recovery] = kinds[reason._tag]
  return { code, category, recovery, message: `${operation}: ${explain(reason)}.` }
}
