/**
 * The clock that one process sees: two hands, as on a real machine.
 *
 * - The **monotonic** one (`monotonicTimeNanos`, `sleep`) only ever goes forward, and stands still while anything can
 *   run.
 * - The **wall clock** (`currentTimeMillis`) is the monotonic one plus an offset that a fault may change at any moment,
 *   forward and back. Sleepers don't notice.
 *
 * Moments are whole milliseconds: a sleep of 1.5 ms ends after 2, never early.
 */

import { type Clock, Duration, Effect } from "effect"

/** What a clock needs of its process: time, its wall clock's offset, and timers that go with the process. */
export interface TimeSource {
  /** Monotonic, since the world began. */
  readonly nowMs: number
  /** What the wall clock shows when `nowMs` is 0. */
  readonly wallOriginMs: number
  /** Calls back after that time; the answer cancels. */
  readonly after: (delayMs: number, run: () => void) => () => void
}

const nanosPerMilli = 1_000_000n

export class SimulatedClock implements Clock.Clock {
  readonly currentTimeMillis: Effect.Effect<number>
  readonly currentTimeNanos: Effect.Effect<bigint>
  readonly monotonicTimeNanos: Effect.Effect<bigint>
  private readonly source: TimeSource

  constructor(source: TimeSource) {
    this.source = source
    this.currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
    this.currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
    this.monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())
  }

  currentTimeMillisUnsafe(): number {
    return this.source.wallOriginMs + this.source.nowMs
  }

  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.currentTimeMillisUnsafe()) * nanosPerMilli
  }

  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.source.nowMs) * nanosPerMilli
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Duration.toMillis(duration)
    // As Effect's own clock does.
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback<void>((resume) => {
      const cancel = this.source.after(Math.ceil(millis), () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }
}
