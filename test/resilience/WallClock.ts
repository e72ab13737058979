/**
 * A machine with two clocks, for tests: `TestClock.adjust` moves the monotonic clock and its timers, and the wall clock
 * is set independently, as an operator or a time server would. (`TestClock.setTime` moves timers too.)
 */

import { Clock, Effect } from "effect"

export const hourMs = 3_600_000

/** Sets the wall clock forward by `byMs`, or back if it is negative. Timers and the monotonic clock are unaffected. */
export type SetWallClock = (byMs: number) => Effect.Effect<void>

/** Runs a test on the `TestClock` in its context, with a wall clock that it can set. */
export const withWallClock = <A, E, R>(
  test: (setWallClock: SetWallClock) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((testClock) => {
    let aheadMs = 0
    const currentTimeMillisUnsafe = () => testClock.currentTimeMillisUnsafe() + aheadMs
    const currentTimeNanosUnsafe = () => testClock.currentTimeNanosUnsafe() + BigInt(aheadMs) * 1_000_000n
    // A copy with the methods of `TestClock`, so that `TestClock.adjust` works.
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

/** Runs the test twice: the clock is set an hour forward, and then an hour back. */
export const eitherWay = <A, E, R>(
  test: (jump: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<void, E, R> =>
  Effect.forEach([hourMs, -hourMs], (byMs) => withWallClock((setWallClock) => test(setWallClock(byMs))), {
    discard: true
  })
