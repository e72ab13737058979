/** The times of a review. A _timeout_ ends a question that nobody answers, and an _expiry_ an approval that is not used. */

import { Duration } from "effect"
import { fromMillis, type Timestamp } from "../domain/Timestamp.ts"

export interface ReviewTimes {
  /**
   * The time for an answer to a question. More than zero. Default 24 hours: in that time every shift has seen it, with
   * the 12 hours that Google's SRE book recommends as the longest. AWS Systems Manager waits 7 days for an approval,
   * but here an alert fires meanwhile.
   */
  readonly reviewTimeout?: Duration.Input | undefined
  /**
   * How long an approval is good for, if the action cannot start at once: the service is down, the budget is empty, the
   * cluster does not respond. More than zero. Default 1 hour, as long as a ServiceAccount token of the TokenRequest
   * API: the person who approved is still at work and remembers what was shown.
   */
  readonly approvalLifetime?: Duration.Input | undefined
}

export const defaults = { reviewTimeout: "24 hours", approvalLifetime: "1 hour" } as const satisfies ReviewTimes

// The last moment that a timestamp can name.
const lastMs = 8.64e15

/** The moment after a time has passed; `undefined` for a time without an end. */
export const endOf = (nowMs: number, time: Duration.Input): Timestamp | undefined => {
  const endMs = nowMs + Duration.toMillis(Duration.fromInputUnsafe(time))
  return endMs <= lastMs ? fromMillis(endMs) : undefined
}

/** The moment a time ago; `undefined` if there was none. */
export const startOf = (nowMs: number, time: Duration.Input): Timestamp | undefined => {
  const startMs = nowMs - Duration.toMillis(Duration.fromInputUnsafe(time))
  return startMs >= 0 ? fromMillis(startMs) : undefined
}
