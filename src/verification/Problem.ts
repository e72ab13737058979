/** The problems that a target can have, and the reasons of a verdict. */

/** The code with which each reason of a verdict begins. */
export type ReasonCode =
  | "settled"
  | "alert-resolved"
  | "target-gone"
  | "scaled-to-nothing"
  | "not-observed"
  | "not-updated"
  | "not-ready"
  | "not-available"
  | "progress-deadline"
  | "endpoints-missing"
  | "restarting"
  | "node-not-ready"
  | "reverted"
  | "still-at-maximum"
  | "pod-remains"
  | "pods-remain"
  | "resize-pending"
  | "owners-unverified"
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
   */
  readonly weight: "lasting" | "bad" | "open"
}

export const problem = (code: ReasonCode, weight: Problem["weight"], detail: string): Problem => ({
  code,
  detail,
  weight
})
