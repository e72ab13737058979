/** What an error of a call means to its pipeline. */

import type { Duration } from "effect"
import type { Suspension } from "../breaker/Suspension.ts"

/**
 * `retry`: the same call may soon succeed. `breaker`: `"failure"` where the peer is at fault, `"ignored"` where the
 * request is (400, 422), or nothing has reached the peer; `"responded"` where the request is and the peer has
 * responded, which counts for it in a half-open circuit; `"served"` where, besides, it has done what it does for those
 * whom it serves, which ends a suspension. `retryAfter`: when the peer wants the next attempt, from its `Retry-After`
 * header. `attempts`: the most attempts for an error of this kind, if fewer than the policy's. `suspension`: the peer
 * serves nobody until somebody changes something, so its circuit is suspended; with `breaker: "failure"` and no retry.
 */
export interface Classification {
  readonly retry: boolean
  readonly breaker: "failure" | "ignored" | "responded" | "served"
  readonly retryAfter?: Duration.Duration
  readonly attempts?: number
  readonly suspension?: Suspension
}

/** The default: every error is the peer's fault and may be retried. */
export const transient = (): Classification => ({ retry: true, breaker: "failure" })
