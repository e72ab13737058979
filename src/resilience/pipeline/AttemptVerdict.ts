/** What the end of a failed attempt means for the breaker, for the caller and for a retry. Pure. */

import { Cause } from "effect"
import type { Outcome } from "../breaker/Circuit.ts"
import type { Suspension } from "../breaker/Suspension.ts"
import { type CallEnding, interrupted } from "./CallReport.ts"
import type { Classification } from "./Classification.ts"

/**
 * Why the pipeline interrupted an attempt; `undefined` where it did not. `circuit-open`: the circuit had opened before
 * it sent anything; `circuit-opened`: between two of its requests.
 */
export type Cut = "attempt-timeout" | "deadline" | "circuit-open" | "circuit-opened" | undefined

/** What the classifier says about another attempt. */
export type RetryOf = Pick<Classification, "attempts" | "retryAfter">

export interface AttemptVerdict<E> {
  /** For the breaker. */
  readonly outcome: Outcome
  /** For the breaker: it is suspended. */
  readonly suspension?: Suspension
  /** The event of the call, unless another attempt follows. */
  readonly ending: CallEnding
  /** For the caller; `undefined` where the pipeline's own error for `cut` takes its place. */
  readonly cause: Cause.Cause<E> | undefined
  /** Whether another attempt may follow, and what the classifier says about it. */
  readonly retry: RetryOf | undefined
}

const defect: CallEnding = { _tag: "CallFailed", reason: "defect" }
const failed: CallEnding = { _tag: "CallFailed", reason: "error" }
const ignored: CallEnding = { _tag: "CallIgnored", reason: "error" }

const classified = <E>(cause: Cause.Cause<E>, error: E, classify: (error: E) => Classification): AttemptVerdict<E> => {
  try {
    const classification = classify(error)
    const outcome = classification.breaker
    const ending = outcome === "failure" ? failed : ignored
    const { suspension } = classification
    return {
      outcome,
      ...(suspension === undefined ? undefined : { suspension }),
      ending,
      cause,
      retry: classification.retry ? classification : undefined
    }
  } catch (thrown) {
    // A classifier that throws is a bug of the caller and says nothing about the peer.
    return { outcome: "ignored", ending: defect, cause: Cause.combine(cause, Cause.die(thrown)), retry: undefined }
  }
}

/**
 * `hadItsTime`: missing the time limit counts against the peer. An outer deadline may have been almost over when the
 * attempt began, and so may a deadline after a long wait for a permit. A process that stood still when the time was
 * over has not looked for the answer.
 */
export const judge = <E>(
  cause: Cause.Cause<E>,
  classify: (error: E) => Classification,
  cut: Cut,
  hadItsTime: boolean
): AttemptVerdict<E> => {
  if (Cause.hasDies(cause)) return { outcome: "failure", ending: defect, cause, retry: undefined }
  const error = cause.reasons.find(Cause.isFailReason)
  if (error !== undefined) return classified(cause, error.error, classify)
  switch (cut) {
    case undefined:
      // The call interrupted itself.
      return { outcome: "ignored", ending: interrupted, cause, retry: undefined }
    case "circuit-open":
      return { outcome: "ignored", ending: { _tag: "CallRejected", reason: cut }, cause: undefined, retry: undefined }
    case "circuit-opened":
      // Its first request was made, and was not the last.
      return { outcome: "ignored", ending: ignored, cause: undefined, retry: undefined }
    case "attempt-timeout":
    case "deadline": {
      const outcome = hadItsTime ? "failure" : "ignored"
      const retry = cut === "deadline" ? undefined : {}
      return { outcome, ending: { _tag: "CallFailed", reason: cut }, cause: undefined, retry }
    }
  }
}
