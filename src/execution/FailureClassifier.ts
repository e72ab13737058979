/**
 * What a failed request to the cluster means for the action that made it.
 *
 * The four categories are the source document's; `recovery` is what is due about each. A later `RecoveryStrategy`
 * carries them out; until then a failed action ends `Escalated` with its word and message on record, and only what is
 * marked ✓ happens by itself.
 *
 * | word                | category | recovery due                                                                    |               |
 * | ------------------- | -------- | ------------------------------------------------------------------------------- | ------------- |
 * | `unauthorized`      | api      | refresh the same identity, once; then the next one the operator has listed      |               |
 * | `forbidden`         | policy   | a person; never another identity                                                | ✓             |
 * | `policy-denied`     | policy   | a person                                                                        | ✓             |
 * | `field-owned`       | policy   | a person: another manager owns the field                                        | ✓             |
 * | `quota-exceeded`    | resource | a smaller allocation or another action                                          |               |
 * | `not-found`         | gone     | plan anew                                                                       | ✓ by the flow |
 * | `conflict`          | conflict | plan anew on what is there now                                                  | ✓ by the flow |
 * | `already-exists`    | conflict | compare; the same content is success                                            | ✓             |
 * | `invalid`           | api      | another action, or a person; the same request stays wrong                       |               |
 * | `expired`           | api      | read anew                                                                       | ✓             |
 * | `disruption-budget` | policy   | slow retries up to a deadline, then a person; says nothing about the API server | ✓             |
 * | `rate-limited`      | api      | back off as long as the server says                                             | ✓             |
 * | `unavailable`       | api      | back off                                                                        | ✓             |
 * | `timeout`           | timeout  | read back what happened before anything else                                    | ✓             |
 * | `storage-full`      | resource | stop writing to the cluster                                                     |               |
 * | `fenced`            | conflict | none: another activation of the target's actor goes on                          | ✓             |
 * | `stale`             | timeout  | decide anew                                                                     |               |
 * | `mode`              | policy   | a person, who has set the mode                                                  | ✓             |
 */

import { Schema } from "effect"
import type { KubernetesError } from "../kubernetes/KubernetesClient.ts"

/** The words of `ExecutionOutcome.failure`. */
export const FailureWord = Schema.Literals([
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
  /** Not an answer of the cluster: the target has a newer owner. */
  "fenced",
  /** Not an answer of the cluster: the intent is too old to be carried out unseen. */
  "stale",
  /** Not an answer of the cluster: the service runs in a mode now in which this is not done unasked. */
  "mode"
])
export type FailureWord = typeof FailureWord.Type

export type FailureCategory = "api" | "resource" | "policy" | "timeout" | "conflict" | "gone"

export type Recovery =
  | "refresh-identity"
  | "escalate"
  | "alternative"
  | "plan-anew"
  | "compare"
  | "read-anew"
  | "slow-retry"
  | "back-off"
  | "read-back"
  | "stop-writing"
  | "decide-anew"
  | "none"

export interface Failure {
  readonly word: FailureWord
  readonly category: FailureCategory
  readonly recovery: Recovery
  /** For people. No upstream text is in it. */
  readonly message: string
}

const failure = (word: FailureWord, category: FailureCategory, recovery: Recovery, message: string): Failure => ({
  word,
  category,
  recovery,
  message
})

export const fenced: Failure = failure(
  "fenced",
  "conflict",
  "none",
  "Another activation has taken the target over, so nothing was written."
)

export const stale: Failure = failure(
  "stale",
  "timeout",
  "decide-anew",
  "The intent was made too long ago to be carried out without looking again, so nothing was written."
)

export const otherMode: Failure = failure(
  "mode",
  "policy",
  "escalate",
  "The service was started in another mode since this was intended, in which it is not done without an approval, so nothing more was written."
)

export const classify = (error: KubernetesError): Failure => {
  const { operation, reason } = error
  switch (reason._tag) {
    case "Unauthorized":
      return failure(
        "unauthorized",
        "api",
        "refresh-identity",
        `${operation}: the API server does not accept our token.`
      )
    case "Forbidden":
      return failure("forbidden", "policy", "escalate", `${operation}: our identity may not do this (RBAC).`)
    case "PolicyDenied":
      return failure(
        "policy-denied",
        "policy",
        "escalate",
        `${operation}: ${reason.policy ?? "an admission policy"} said no.`
      )
    case "FieldManagerConflict":
      return failure(
        "field-owned",
        "policy",
        "escalate",
        `${operation}: ${reason.managers.join(", ") || "another manager"} owns the field.`
      )
    case "QuotaExceeded":
      return failure(
        "quota-exceeded",
        "resource",
        "alternative",
        `${operation}: ${reason.quota ?? "a quota or limit range"} does not allow it.`
      )
    case "NotFound":
      return failure("not-found", "gone", "plan-anew", `${operation}: it does not exist (any more).`)
    case "Conflict":
      return failure("conflict", "conflict", "plan-anew", `${operation}: it has changed since it was read.`)
    case "AlreadyExists":
      return failure("already-exists", "conflict", "compare", `${operation}: it exists already.`)
    case "Invalid":
      return failure(
        "invalid",
        "api",
        "alternative",
        `${operation}: refused as invalid${reason.fields.length === 0 ? "" : ` (${reason.fields.join(", ")})`}.`
      )
    case "Expired":
      return failure("expired", "api", "read-anew", `${operation}: the version that was asked for is too old.`)
    case "DisruptionBudget":
      return failure(
        "disruption-budget",
        "policy",
        "slow-retry",
        `${operation}: a disruption budget does not allow it now.`
      )
    case "TooManyRequests":
      return failure("rate-limited", "api", "back-off", `${operation}: the API server is shedding load.`)
    case "Unavailable":
      return failure("unavailable", "api", "back-off", `${operation}: the API server can't be reached or is failing.`)
    case "Timeout":
      return failure("timeout", "timeout", "read-back", `${operation}: no answer in time.`)
    case "StorageFull":
      return failure("storage-full", "resource", "stop-writing", `${operation}: the cluster's storage is full.`)
  }
}
