/** The problems that a target can have, and the reasons of a verdict. */

/** The code with which each reason of a verdict begins. */
export type ReasonCode =
  | "settled"
  | "alert-resolved"
  | "problem-gone"
  | "target-gone"
  | "target-replaced"
  | "scaled-to-nothing"
  | "not-observed"
  | "not-updated"
  | "not-ready"
  | "not-available"
  | "progress-deadline"
  | "replica-failure"
  | "endpoints-missing"
  | "restarting"
  | "node-not-ready"
  | "node-condition"
  | "reverted"
  | "changed-by-another"
  | "still-at-maximum"
  | "pod-remains"
  | "pods-remain"
  | "resize-pending"
  | "owners-unverified"
  | "nothing-was-wrong"
  | "alert-firing"
  | "unreadable"
  | "not-settled"
  | "nothing-to-tell-by"
  | "changes-nothing"

/** A reason of a verdict: its code, then the figures, as in `not-ready: 2 of 3`. */
export const reason = (code: ReasonCode, detail: string): string => `${code}: ${detail}`

/** One thing that keeps a sample from being healthy. */
export interface Problem {
  readonly code: ReasonCode
  /** The figures behind it. */
  readonly detail: string
  /**
   * - `lasting`: waiting does not fix it.
   * - `bad`: it is wrong now, but may recover.
   * - `open`: it is not known whether anything is wrong.
   * - `void`: this object shows nothing about the action, and waiting does not change that.
   */
  readonly weight: "lasting" | "bad" | "open" | "void"
}

export const problem = (code: ReasonCode, weight: Problem["weight"], detail: string): Problem => ({
  code,
  detail,
  weight
})
