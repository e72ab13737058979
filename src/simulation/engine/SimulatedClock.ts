/**
 * The clock of one process: monotonic time and wall-clock time, as on a real machine.
 *
 * - **Monotonic time** (`monotonicTimeNanos`, `sleep`) only moves forward, and stands still while anything can run.
 * - **Wall-clock time** (`currentTimeMillis`) is monotonic time plus an offset, which a fault may change at any moment in
 *   either direction. Sleeping fibers are not affected.
 *
 * The resolution is one millisecond: a sleep of 1.5 ms ends after 2 ms, never early.
 */

import { type Clock, Duration, Effect } from "effect"

/** What a clock needs from its process: the time, the offset of its wall clock, and timers that end with the process. */
export interface TimeSource {
  /** Monotonic, since the world began. */
  readonly nowMs: number
  /** The wall-clock time at which `nowMs` is 0. */
  readonly wallOriginMs: number
  /** Calls `run` after that time. Returns a function that cancels it. */
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
    // As in Effect's own clock.
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback<void>((resume) => {
      const cancel = this.source.after(Math.ceil(millis), () => resume(Effect.void))
      return Effect.sync(cancel)
    })
  }
}
