/**
 * What is done after a failure: one strategy for every code, and the next thing to do as a pure function of the failure
 * and of what was tried.
 *
 * | strategy           | while the write is sent                                | once the execution has ended           |
 * | ------------------ | ------------------------------------------------------ | -------------------------------------- |
 * | `refresh-identity` | the client refreshes it, then takes the next one       | a person                               |
 * | `send-again`       | wait, read back, send again, as long as patience lasts | a person                               |
 * | `read-back`        | read back, send again only what is not there           | a person, if the outcome stays unknown |
 * | `plan-again`       | read back, for it may be our own write                 | decide again on the current objects    |
 * | `wait-for-budget`  | send again every few seconds, up to a deadline         | a person                               |
 * | `alternative`      | stop                                                   | decide again: an alternative that fits |
 * | `review`           | stop                                                   | a person, with what would allow it     |
 * | `none`             | stop                                                   | nothing: another activation continues  |
 *
 * The client refreshes an identity (`kubernetes/Identities`), `CarryOut` follows the second column, and `NextStep` the
 * third. Only a 401 ever leads to another identity. Whatever was applied is never decided again: then a person, or the
 * rollback, has it.
 */

import type { Applied } from "../domain/Execution.ts"
import { type FailureCode, isFailureCode } from "../domain/Failure.ts"

export type Strategy =
  | "refresh-identity"
  | "send-again"
  | "read-back"
  | "plan-again"
  | "wait-for-budget"
  | "alternative"
  | "review"
  | "none"

const strategies: Readonly<Record<FailureCode, Strategy>> = {
  unauthorized: "refresh-identity",
  forbidden: "review",
  "policy-denied": "review",
  "webhook-denied": "review",
  "pod-security": "review",
  "admission-denied": "review",
  "field-owned": "review",
  "quota-exceeded": "alternative",
  "limit-range": "alternative",
  "storage-full": "review",
  "not-found": "plan-again",
  conflict: "plan-again",
  "already-exists": "plan-again",
  invalid: "review",
  "bad-request": "review",
  "too-large": "review",
  expired: "send-again",
  "disruption-budget": "wait-for-budget",
  "several-budgets": "review",
  "rate-limited": "send-again",
  unavailable: "send-again",
  "webhook-unreachable": "send-again",
  "storage-read-error": "review",
  timeout: "read-back",
  "wrong-cluster": "review",
  "own-limit": "send-again",
  fenced: "none",
  stale: "review",
  mode: "review",
  "approval-expired": "review",
  "emergency-stop": "review",
  level: "review",
  "nodes-out": "review",
  "pods-remain": "review",
  defect: "review"
}

/** The strategy of a code. */
export const strategyOf = (code: FailureCode): Strategy => strategies[code]

/** How many times an action may be planned for one remediation. */
export const maxPlans = 3

/** How an execution ended. */
export interface Failed {
  readonly applied: Applied
  readonly failure?: string
}

/** What follows a failed execution. */
export type Next =
  /** Decide and plan again: on the current objects, or an alternative. */
  | "decide"
  /** A person gets it. */
  | "person"

/** What to do after the last of `plans` executions of a remediation. A failure of another version goes to a person. */
export const nextAfter = ({ applied, failure }: Failed, plans: number): Next => {
  if (!isFailureCode(failure) || applied !== "no" || plans >= maxPlans) return "person"
  const strategy = strategyOf(failure)
  return strategy === "plan-again" || strategy === "alternative" ? "decide" : "person"
}
