/** A process that stands still, for tests: its timers fire on the test clock, and its monotonic clock has moved further. */

import { Clock, Effect } from "effect"

/** Runs a test on the `TestClock` in its context, in a process that it can let stand still for some milliseconds. */
export const withStandstill = <A, E, R>(
  test: (standStill: (forMs: number) => Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.clockWith((testClock) => {
    let aheadMs = 0
    const monotonicTimeNanosUnsafe = () => testClock.monotonicTimeNanosUnsafe() + BigInt(aheadMs) * 1_000_000n
    // A copy with the methods of `TestClock`, so that `TestClock.adjust` works.
    const clock: Clock.Clock = {
      ...testClock,
      monotonicTimeNanosUnsafe,
      monotonicTimeNanos: Effect.sync(monotonicTimeNanosUnsafe)
    }
    const standStill = (forMs: number) => Effect.sync(() => void (aheadMs += forMs))
    return Effect.provideService(test(standStill), Clock.Clock, clock)
  })
