/**
 * A machine with two clocks, for tests: the monotonic one and its timers are moved by `TestClock.adjust`, the wall
 * clock is set apart from them, as by an operator or a time server. (`TestClock.setTime` moves timers as well.)
 */

import { Clock, Effect } from "effect"

export const hourMs = 3_600_000

/** Sets the wall clock forward by so much, or back where it is below 0. Timers and the monotonic clock don't notice. */
export type SetWallClock = (byMs: number) => Effect.Effect<void>

/** Runs a test on the `TestClock` in its context, with a wall clock that it may set. */
export const withWallClock = <A, E, R>(
  test: (setWallClock: SetWallClock) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((testClock) => {
    let aheadMs = 0
    const currentTimeMillisUnsafe = () => testClock.currentTimeMillisUnsafe() + aheadMs
    const currentTimeNanosUnsafe = () => testClock.currentTimeNanosUnsafe() + BigInt(aheadMs) * 1_000_000n
    // Spread, so that `TestClock.adjust` finds its own in it.
    const clock: Clock.Clock = {
      ...testClock,
      currentTimeMillisUnsafe,
      currentTimeNanosUnsafe,
      currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
      currentTimeNanos: Effect.sync(currentTimeNanosUnsafe)
    }
    return Effect.provideService(
      test((byMs) =>
        Effect.sync(() => {
          aheadMs += byMs
        })
      ),
      Clock.Clock,
      clock
    )
  })

/** The test twice: once with the clock set an hour forward, once an hour back. */
export const eitherWay = <A, E, R>(
  test: (jump: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<void, E, R> =>
  Effect.forEach([hourMs, -hourMs], (byMs) => withWallClock((setWallClock) => test(setWallClock(byMs))), {
    discard: true
  })
