/**
 * A time limit that knows whether this process was running when the time was over.
 *
 * A process stands still: its container is throttled, its disk is slow, its machine is paused. A timer that was due
 * meanwhile fires late, and before an answer is read that has arrived in time. So a limit that ends late says something
 * about this process, and nothing about the peer: it is excused, and nobody may count it as a failure of the peer.
 *
 * A process that is always slow would excuse a peer that is down for ever. So after five standstills in a row, without
 * a call in between that has succeeded, a limit counts however late it ends. One standstill counts once, however many
 * limits were due in it. One that was only under way has its answer later, or is held up by another standstill.
 */

import { Duration, Effect } from "effect"
import * as Monotonic from "./Monotonic.ts"

/** A timer of a process that runs is late by a few milliseconds. */
const lateByMs = 100

/** As many as the failures in a row that open a circuit (`docs/requirements.md`). */
export const mostExcuses = 5

/** When a limit was due, and has ended, on the monotonic clock. */
export interface Ended {
  readonly dueMs: number
  readonly endedMs: number
}

/** The standstills that have held up the calls to one peer, in a row. Shared by all limits of these calls. */
export class Excuses {
  #inARow = 0
  /** When the last one ended. */
  #lastMs = -Infinity

  /** Whether a limit says nothing about the peer. */
  excuse({ dueMs, endedMs }: Ended): boolean {
    if (endedMs - dueMs <= lateByMs) return false
    // It was due in the last one, which has excused it too.
    if (dueMs <= this.#lastMs) return true
    if (this.#inARow >= mostExcuses) return false
    this.#inARow++
    this.#lastMs = endedMs
    return true
  }

  /** A call has succeeded. */
  responded(): void {
    this.#inARow = 0
  }
}

/** Interrupts an effect after `limit`, and runs `onTimeout` in its place, with whether the limit is excused. */
export const within =
  <A2, E2, R2>(excuses: Excuses, limit: Duration.Input, onTimeout: (isExcused: boolean) => Effect.Effect<A2, E2, R2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | A2, E | E2, R | R2> =>
    Effect.flatMap(Monotonic.nowMs, (startedMs) => {
      const dueMs = startedMs + Duration.toMillis(Duration.fromInputUnsafe(limit))
      return Effect.timeoutOrElse(
        Effect.tap(self, () => Effect.sync(() => excuses.responded())),
        {
          duration: limit,
          orElse: () => Effect.flatMap(Monotonic.nowMs, (nowMs) => onTimeout(excuses.excuse({ dueMs, endedMs: nowMs })))
        }
      )
    })
