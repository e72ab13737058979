/** What the end of a failed attempt means for the breaker, for the caller and for a retry. Pure. */

import { Cause } from "effect"
import type { Outcome } from "../breaker/Circuit.ts"
import { type CallEnding, interrupted } from "./CallReport.ts"
import type { Classification } from "./Classification.ts"

/** Why the pipeline interrupted an attempt; `undefined` where it did not. */
export type Cut = "attempt-timeout" | "deadline" | undefined

export interface AttemptVerdict<E> {
  /** For the breaker. */
  readonly outcome: Outcome
  /** The event of the call, unless another attempt follows. */
  readonly ending: CallEnding
  /** For the caller; `undefined` where the pipeline's own error for `cut` takes its place. */
  readonly cause: Cause.Cause<E> | undefined
  /** Whether another attempt may follow, and what the classifier says about it. */
  readonly retry: Pick<Classification, "retryAfter"> | undefined
}

const defect: CallEnding = { _tag: "CallFailed", reason: "defect" }
const failed: CallEnding = { _tag: "CallFailed", reason: "error" }
const ignored: CallEnding = { _tag: "CallIgnored", reason: "error" }

const classified = <E>(cause: Cause.Cause<E>, error: E, classify: (error: E) => Classification): AttemptVerdict<E> => {
  try {
    const classification = classify(error)
    const outcome = classification.breaker
    const ending = outcome === "failure" ? failed : ignored
    return { outcome, ending, cause, retry: classification.retry ? classification : undefined }
  } catch (thrown) {
    // A classifier that throws is a bug of the caller and says nothing about the peer.
    return { outcome: "ignored", ending: defect, cause: Cause.combine(cause, Cause.die(thrown)), retry: undefined }
  }
}

/**
 * `ownDeadline`: the deadline is the pipeline's own, and the attempt had most of it, so missing it counts against the
 * peer. An outer deadline may have been almost over when the attempt began, and so may a deadline after a long wait for
 * a permit.
 */
export const judge = <E>(
  cause: Cause.Cause<E>,
  classify: (error: E) => Classification,
  cut: Cut,
  ownDeadline: boolean
): AttemptVerdict<E> => {
  if (Cause.hasDies(cause)) return { outcome: "failure", ending: defect, cause, retry: undefined }
  const error = cause.reasons.find(Cause.isFailReason)
  if (error !== undefined) return classified(cause, error.error, classify)
  switch (cut) {
    case undefined:
      // The call interrupted itself.
      return { outcome: "ignored", ending: interrupted, cause, retry: undefined }
    case "attempt-timeout":
      return { outcome: "failure", ending: { _tag: "CallFailed", reason: cut }, cause: undefined, retry: {} }
    case "deadline": {
      const outcome = ownDeadline ? "failure" : "ignored"
      return { outcome, ending: { _tag: "CallFailed", reason: cut }, cause: undefined, retry: undefined }
    }
  }
}
