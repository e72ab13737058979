/**
 * What went wrong with a request to the cluster, as data: a code for programs, one of the four categories of
 * `docs/requirements.md` ("Failed execution"), and what a person needs.
 *
 * `execution/FailureClassifier` has the table of all codes with their meaning and recovery.
 */

import { Schema } from "effect"

/** The four categories of a failed execution. */
export const FailureCategory = Schema.Literals(["api", "resource", "policy", "timeout"])
export type FailureCategory = typeof FailureCategory.Type

/** The category of every code. */
const categories = {
  unauthorized: "api",
  forbidden: "policy",
  "policy-denied": "policy",
  "webhook-denied": "policy",
  "pod-security": "policy",
  "admission-denied": "policy",
  "field-owned": "api",
  "quota-exceeded": "resource",
  "limit-range": "resource",
  "storage-full": "resource",
  "not-found": "api",
  conflict: "api",
  "already-exists": "api",
  invalid: "api",
  "bad-request": "api",
  "too-large": "api",
  expired: "api",
  "disruption-budget": "policy",
  "several-budgets": "policy",
  "rate-limited": "api",
  unavailable: "api",
  "webhook-unreachable": "api",
  "storage-read-error": "api",
  timeout: "timeout",
  "wrong-cluster": "policy",
  "own-limit": "api",
  fenced: "api",
  stale: "timeout",
  mode: "policy",
  "approval-expired": "policy",
  "emergency-stop": "policy",
  level: "policy",
  "nodes-out": "policy",
  "pods-remain": "policy",
  defect: "api"
} as const satisfies Readonly<Record<string, FailureCategory>>

/** A code. `execution/FailureClassifier` has the table of all of them. */
export type FailureCode = keyof typeof categories

/** Every code. */
export const failureCodes = Object.keys(categories) as ReadonlyArray<FailureCode>

/** The category of a code. */
export const categoryOf = (code: FailureCode): FailureCategory => categories[code]

/** Whether a text is one of the codes. A journal may hold codes of another version. */
export const isFailureCode = (code: string | undefined): code is FailureCode =>
  code !== undefined && Object.hasOwn(categories, code)

/** One line of a quota that has no room: how much was requested, is used, and is allowed. */
export const Shortage = Schema.Struct({
  quota: Schema.String,
  /** The line of the quota, such as `requests.memory`. */
  resource: Schema.String,
  requested: Schema.String,
  used: Schema.String,
  hard: Schema.String
})
export type Shortage = typeof Shortage.Type

/** A failure on record. */
export const FailureRecord = Schema.Struct({
  /** A code of `execution/FailureClassifier`. */
  code: Schema.String,
  category: FailureCategory,
  /** What would allow it, for a person: the missing RBAC rule, or whom to ask. */
  remedy: Schema.optionalKey(Schema.String),
  /** Which lines of a quota have no room. */
  shortages: Schema.optionalKey(Schema.Array(Shortage))
})
export type FailureRecord = typeof FailureRecord.Type
