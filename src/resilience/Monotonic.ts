/**
 * The clock by which everything that lasts is measured: open times, windows, deadlines, leases, waits.
 *
 * **Details**
 *
 * A machine's wall clock can be set: an hour forward, and every deadline would have passed at once; an hour back, and
 * every circuit would stay open for an hour more. The monotonic clock only goes forward, and timers go by it as well.
 * So in `resilience` every `…Ms` that is a moment (`nowMs`, `untilMs`, `deadlineAtMs`) is one of this clock.
 *
 * Moments are **whole milliseconds**, rounded down, as Node's own timers count this clock: a timer of 30 s has never
 * ended by the timer and not yet by this clock, as with fractions it would have, half of the time. Durations come out
 * whole, for the journal and for people, and rejections of one millisecond can be shared.
 *
 * **Gotchas**
 *
 * Where it begins is arbitrary (on Linux the start of the machine), and on Linux it stands still while the machine is
 * suspended. So no moment of it may be stored, sent or shown, and none of another process compared with it: say how
 * long there is left (`retryAfterMs`), or make a wall-clock time of that where a person is to read it.
 *
 * **Example** (how long something took)
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

/** The moment now, in whole milliseconds, of a clock that the caller holds already; else use `nowMs`. */
export const nowMsUnsafe = (clock: Clock.Clock): number =>
  // A double holds nanoseconds exactly for 104 days and to two nanoseconds for 208: a division of bigints would only
  // cost more.
  Math.floor(Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMilli)

/** The moment now, in whole milliseconds, of the clock in the context. */
export const nowMs: Effect.Effect<number> = Effect.withFiberSucceed((fiber) => nowMsUnsafe(fiber.getRef(Clock.Clock)))
