/** What an error of a call means to its pipeline. */

import type { Duration } from "effect"

/**
 * `retry`: the same call may soon succeed. `breaker`: `"failure"` where the peer is at fault, `"ignored"` where the
 * request is (400, 422). `retryAfter`: when the peer wants the next attempt, from its `Retry-After` header.
 */
export interface Classification {
  readonly retry: boolean
  readonly breaker: "failure" | "ignored"
  readonly retryAfter?: Duration.Duration
}

/** The default: every error is the peer's fault and may be retried. */
export const transient = (): Classification => ({ retry: true, breaker: "failure" })
