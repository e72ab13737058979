/**
 * A time limit that knows whether this process was running when the time was over.
 *
 * A process stands still: its container is throttled, its disk is slow, its machine is paused. A timer that was due
 * meanwhile fires late, and before an answer is read that has arrived in time. So a limit that ends late says something
 * about this process, and nothing about the peer. Nobody may count it as a failure of the peer.
 */

import { Duration, Effect } from "effect"
import * as Monotonic from "./Monotonic.ts"

/** A timer of a process that runs is late by a few milliseconds. */
const lateByMs = 100

/** Whether a timer that was due at one moment of the monotonic clock has fired so late that the process stood still. */
export const stoodStill = (dueMs: number, nowMs: number): boolean => nowMs - dueMs > lateByMs

/** Interrupts an effect after `limit`, and runs `onTimeout` in its place, with whether the process stood still. */
export const within =
  <A2, E2, R2>(limit: Duration.Input, onTimeout: (stoodStill: boolean) => Effect.Effect<A2, E2, R2>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A | A2, E | E2, R | R2> =>
    Effect.flatMap(Monotonic.nowMs, (startedMs) => {
      const dueMs = startedMs + Duration.toMillis(Duration.fromInputUnsafe(limit))
      return Effect.timeoutOrElse(self, {
        duration: limit,
        orElse: () => Effect.flatMap(Monotonic.nowMs, (nowMs) => onTimeout(stoodStill(dueMs, nowMs)))
      })
    })
