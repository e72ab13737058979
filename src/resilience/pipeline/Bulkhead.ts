/**
 * A bound on how many calls to one peer are in flight, so that a slow peer cannot take every fiber, socket and byte of
 * memory with it.
 *
 * **Details**
 *
 * At most `limit` calls run. Up to `maxWaiting` more wait, first come first served, each for at most `maxWait`; any
 * other is refused at once with `BulkheadFull`. A place that is freed goes straight to the first in the queue, so a
 * newcomer never overtakes. A caller that is interrupted while it waits leaves the queue.
 *
 * **When to use**
 *
 * A place is taken synchronously when one is free, which is why this is not Effect's `Semaphore` inside: the success
 * path pays for a counter only. Where several pipelines must share a `Semaphore` that you have already, use
 * `fromSemaphore`; it keeps the queue's bounds and the typed refusal.
 */

import { Duration, Effect, Schema } from "effect"
import type { Context, Fiber, Semaphore } from "effect"

export interface Settings {
  /** Calls in flight at once, 1 or more. Default 16. */
  readonly limit?: number
  /** Calls that may wait for a place, 0 or more. Default 64: four turns of a full house. */
  readonly maxWaiting?: number
  /** The longest wait for a place. Default 5 s; the deadline, where it is nearer, is what counts. */
  readonly maxWait?: Duration.Input
}

export interface Snapshot {
  readonly limit: number
  readonly inUse: number
  readonly waiting: number
}

/** No place was free and the queue was full, or none became free in time. */
export class BulkheadFull extends Schema.TaggedError<BulkheadFull>()("BulkheadFull", {
  limit: Schema.Finite,
  waitedMs: Schema.Finite
}) {
  override get message(): string {
    return `${this.limit} calls are in flight already`
  }
}

export interface Bulkhead {
  /** Longest wait for a place, in milliseconds. */
  readonly maxWaitMs: number
  readonly limit: number
  /** Takes a place if one is free and nobody waits. Whoever gets `true` must call `releaseUnsafe` once. */
  readonly takeUnsafe: () => boolean
  /**
   * Joins the queue; `undefined` says that it is full. `onGranted` is called once, perhaps at once, and whoever is
   * called must call `releaseUnsafe` once. The returned function leaves the queue, and does nothing after the grant.
   */
  readonly enqueueUnsafe: (onGranted: () => void) => (() => void) | undefined
  readonly releaseUnsafe: () => void
  /** Runs an effect in a place of its own. */
  readonly withPlace: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | BulkheadFull, R>
  readonly state: Effect.Effect<Snapshot>
}

export const defaults = { limit: 16, maxWaiting: 64, maxWaitMs: 5000 } as const

const resolve = (settings: Settings) => {
  const limit = settings.limit ?? defaults.limit
  const maxWaiting = settings.maxWaiting ?? defaults.maxWaiting
  if (!(limit >= 1)) throw new RangeError(`Bulkhead: limit must be 1 or more, got ${limit}`)
  if (!(maxWaiting >= 0)) throw new RangeError(`Bulkhead: maxWaiting must be 0 or more, got ${maxWaiting}`)
  return {
    limit,
    maxWaiting,
    maxWaitMs:
      settings.maxWait === undefined
        ? defaults.maxWaitMs
        : Duration.toMillis(Duration.fromInputUnsafe(settings.maxWait))
  }
}

class CountingBulkhead implements Bulkhead {
  readonly limit: number
  readonly maxWaiting: number
  readonly maxWaitMs: number
  #inUse = 0
  // A Set keeps order and lets an interrupted waiter leave in O(1).
  readonly #waiters = new Set<() => void>()

  constructor(settings: Settings) {
    const { limit, maxWaitMs, maxWaiting } = resolve(settings)
    this.limit = limit
    this.maxWaiting = maxWaiting
    this.maxWaitMs = maxWaitMs
  }

  takeUnsafe(): boolean {
    // While anybody waits no place is free: a released one is handed on.
    if (this.#inUse >= this.limit) return false
    this.#inUse++
    return true
  }

  enqueueUnsafe(onGranted: () => void): (() => void) | undefined {
    if (this.#waiters.size >= this.maxWaiting) return undefined
    const waiter = () => onGranted()
    this.#waiters.add(waiter)
    return () => {
      this.#waiters.delete(waiter)
    }
  }

  releaseUnsafe(): void {
    for (const first of this.#waiters) {
      // The place changes hands without becoming free in between.
      this.#waiters.delete(first)
      first()
      return
    }
    this.#inUse--
  }

  withPlace<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | BulkheadFull, R> {
    return runInPlace(this, self)
  }

  readonly state: Effect.Effect<Snapshot> = Effect.sync(() => ({
    limit: this.limit,
    inUse: this.#inUse,
    waiting: this.#waiters.size
  }))
}

// Each place is held by a fiber inside `withPermit`, so that the semaphore's own
// bookkeeping takes the permit back whatever happens.
const semaphoreBulkhead = (
  semaphore: Semaphore.Semaphore,
  settings: Settings,
  fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
): Bulkhead => {
  const { limit, maxWaitMs, maxWaiting } = resolve(settings)
  const holders: Array<() => void> = []
  const waiting = new Set<object>()
  const bulkhead: Bulkhead = {
    limit,
    maxWaitMs,
    takeUnsafe: () => false,
    enqueueUnsafe: (onGranted) => {
      let granted = false
      const turn = {}
      const fiber = fork(
        semaphore.withPermit(
          Effect.callback<void>((resume) => {
            granted = true
            waiting.delete(turn)
            holders.push(() => resume(Effect.void))
            onGranted()
          })
        )
      )
      if (granted) return () => undefined
      if (waiting.size >= maxWaiting) {
        fiber.interruptUnsafe()
        return undefined
      }
      waiting.add(turn)
      return () => {
        if (waiting.delete(turn)) fiber.interruptUnsafe()
      }
    },
    releaseUnsafe: () => holders.pop()?.(),
    withPlace: (self) => runInPlace(bulkhead, self),
    state: Effect.sync(() => ({ limit, inUse: holders.length, waiting: waiting.size }))
  }
  return bulkhead
}

const runInPlace = <A, E, R>(bulkhead: Bulkhead, self: Effect.Effect<A, E, R>): Effect.Effect<A, E | BulkheadFull, R> =>
  Effect.suspend(() => {
    // Plain variables, set in the same tick as the place changes hands: no
    // interruption can fall between taking a place and knowing of it.
    let holds = false
    let leave: (() => void) | undefined
    const full = (waitedMs: number) =>
      Effect.suspend(() => Effect.fail(new BulkheadFull({ limit: bulkhead.limit, waitedMs })))
    const place = Effect.suspend((): Effect.Effect<void, BulkheadFull> => {
      holds = bulkhead.takeUnsafe()
      if (holds) return Effect.void
      let resume: (() => void) | undefined
      leave = bulkhead.enqueueUnsafe(() => {
        holds = true
        resume?.()
      })
      if (holds) return Effect.void
      if (leave === undefined) return full(0)
      const granted = Effect.callback<void>((done) => {
        if (holds) return done(Effect.void)
        // A turn in between, so that those who hand the place on to each other do not nest.
        resume = () => done(Effect.yieldNow)
      })
      return Effect.timeoutOption(granted, Duration.millis(bulkhead.maxWaitMs)).pipe(
        Effect.flatMap(() => (holds ? Effect.void : full(bulkhead.maxWaitMs)))
      )
    })
    return Effect.onExit(
      Effect.flatMap(place, () => self),
      () =>
        Effect.sync(() => {
          leave?.()
          if (holds) bulkhead.releaseUnsafe()
        })
    )
  })

/** Makes a bulkhead with the defaults above. */
export const make = (settings: Settings = {}): Effect.Effect<Bulkhead> =>
  Effect.sync(() => new CountingBulkhead(settings))

/**
 * A bulkhead over a semaphore of yours, which others may use as well. `settings.limit` is only reported; the semaphore
 * decides.
 */
export const fromSemaphore = (semaphore: Semaphore.Semaphore, settings: Settings = {}): Effect.Effect<Bulkhead> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => semaphoreBulkhead(semaphore, settings, Effect.runForkWith(context)))
  )
