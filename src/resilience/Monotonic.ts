/**
 * The clock for all durations: open times, windows, deadlines, leases and waits.
 *
 * **Details**
 *
 * The wall clock of a machine can be set. An hour forward, every deadline would pass at once; an hour back, every
 * circuit would stay open for another hour. The monotonic clock only moves forward, and timers use it too. In this
 * library every moment in milliseconds (`nowMs`, `untilMs`, `deadlineAtMs`) is one of the monotonic clock.
 *
 * Moments are **whole milliseconds**, rounded down as in Node's own timers. So a timer of 30 s never fires before 30 s
 * have passed on this clock. With fractions that would happen in half of the cases.
 *
 * **When to use**
 *
 * To measure durations and to schedule expiry. Use Effect's `Clock` for times that people or other processes read.
 *
 * **Gotchas**
 *
 * The origin is arbitrary (on Linux the start of the machine), and on Linux the clock stops while the machine is
 * suspended. So do not store, send or display a moment, and do not compare it with one from another process: use a
 * remaining time (`retryAfterMs`), or convert that to wall-clock time for people.
 *
 * **Example** (the duration of an effect)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Monotonic } from "kubernaut/resilience"
 *
 * const took = Effect.gen(function* () {
 *   const startedMs = yield* Monotonic.nowMs
 *   yield* Effect.yieldNow
 *   return (yield* Monotonic.nowMs) - startedMs
 * })
 *
 * Number.isInteger(await Effect.runPromise(took)) // => true
 * ```
 */

import { Clock, Effect } from "effect"

const nanosPerMilli = 1_000_000

/** The current moment of a clock that the caller already holds, in whole milliseconds; otherwise use `nowMs`. */
export const nowMsUnsafe = (clock: Clock.Clock): number =>
  // A double is exact for 104 days of nanoseconds and precise to two nanoseconds for 208 days. A bigint division costs
  // more and gains nothing.
  Math.floor(Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMilli)

/** The current moment of the clock in the context, in whole milliseconds. */
export const nowMs: Effect.Effect<number> = Effect.withFiberSucceed((fiber) => nowMsUnsafe(fiber.getRef(Clock.Clock)))
