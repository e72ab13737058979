/**
 * A bound on the number of concurrent calls to one peer, so that a slow peer cannot use up all fibers, sockets and
 * memory.
 *
 * **Details**
 *
 * At most `limit` calls hold a permit. Up to `maxWaiting` more wait, each for at most `maxWait`. The call that is due
 * first is served first (`Due`). Without due times that is first come, first served, and a new call never overtakes a
 * waiting one. A released permit passes directly to the first call in the queue. When the queue is full, a call takes
 * the place of the one that is due last, if it is itself due earlier; the other one, or else the new one, fails at once
 * with `BulkheadFull`. A caller that is interrupted while it waits leaves the queue.
 *
 * **When to use**
 *
 * Inside a `Pipeline`, or alone through `withPermit`. Use Effect's `Semaphore` where an unbounded queue is acceptable.
 *
 * **Example** (a second call is rejected while the first runs)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Bulkhead } from "kubernaut/resilience"
 *
 * const program = Effect.gen(function* () {
 *   const bulkhead = yield* Bulkhead.make({ limit: 1, maxWaiting: 0 })
 *   return yield* bulkhead.withPermit(Effect.flip(bulkhead.withPermit(Effect.void)))
 * })
 *
 * const error = await Effect.runPromise(program)
 * error._tag // => "BulkheadFull"
 * ```
 */

import { Clock, Duration, Effect, Schema } from "effect"
import { CurrentDue, type Raisable } from "../Due.ts"
import { DueQueue, type Entry } from "../DueQueue.ts"
import * as Monotonic from "../Monotonic.ts"

/** The limits of a bulkhead. */
export interface Settings {
  /** The maximum number of concurrent calls, 1 or more. Default 16. */
  readonly limit?: number
  /** The maximum number of calls that wait for a permit, 0 or more. Default 64, which is four times the limit. */
  readonly maxWaiting?: number
  /** The longest wait for a permit. Default 5 s. In a pipeline an earlier deadline takes precedence. */
  readonly maxWait?: Duration.Input
}

/** The current load of a bulkhead, for status pages. */
export interface Snapshot {
  readonly limit: number
  /** Permits that are held. */
  readonly inUse: number
  /** Calls in the queue. */
  readonly waiting: number
}

interface Waiter {
  readonly onGranted: () => void
  readonly onDisplaced: (() => void) | undefined
  /** Its due time does not matter any more. */
  settle: () => void
}

/** No permit became available within `waitedMs`; 0 means that the queue was full. */
export class BulkheadFull extends Schema.TaggedError<BulkheadFull>()("BulkheadFull", {
  limit: Schema.Finite,
  waitedMs: Schema.Finite
}) {
  override get message(): string {
    return `${this.limit} calls are already in flight`
  }
}

/** The defaults of `Settings`, in milliseconds where it is a time. */
export const defaults = { limit: 16, maxWaiting: 64, maxWaitMs: 5000 } as const

/** A bulkhead. Create it with `make`; a `RangeError` reports an invalid setting. */
export class Bulkhead {
  /** The maximum number of concurrent calls. */
  readonly limit: number
  /** The maximum number of calls that wait. */
  readonly maxWaiting: number
  /** The longest wait for a permit, in milliseconds. */
  readonly maxWaitMs: number
  #inUse = 0
  readonly #waiters = new DueQueue<Waiter>()

  constructor(settings: Settings = {}) {
    const { limit = defaults.limit, maxWait = defaults.maxWaitMs, maxWaiting = defaults.maxWaiting } = settings
    if (!(limit >= 1)) throw new RangeError(`Bulkhead: limit must be 1 or more, got ${limit}`)
    if (!(maxWaiting >= 0)) throw new RangeError(`Bulkhead: maxWaiting must be 0 or more, got ${maxWaiting}`)
    this.limit = limit
    this.maxWaiting = maxWaiting
    this.maxWaitMs = Duration.toMillis(Duration.fromInputUnsafe(maxWait))
  }

  /**
   * Takes a permit if one is available. After `true` the caller must call `releaseUnsafe` exactly once. For callers on
   * a hot path; otherwise use `withPermit`.
   */
  takeUnsafe(): boolean {
    // While calls wait, no permit is available: a released one passes to the first of them.
    if (this.#inUse >= this.limit) return false
    this.#inUse++
    return true
  }

  /**
   * Joins the queue; `undefined` means that it is full. `onGranted` is called once, when this caller receives a permit,
   * and the caller must then call `releaseUnsafe` exactly once. The returned function leaves the queue and has no
   * effect after the grant.
   *
   * `due` is the due time; a call moves forward when it is raised. `onDisplaced` is called once when a call that is due
   * earlier takes the place of this one in a full queue. Without it this call keeps its place.
   */
  enqueueUnsafe(
    onGranted: () => void,
    due: number | Raisable = Number.NEGATIVE_INFINITY,
    onDisplaced?: () => void
  ): (() => void) | undefined {
    const dueMs = typeof due === "number" ? due : due.dueMs
    if (this.#waiters.size >= this.maxWaiting && !this.#makeRoom(dueMs)) return undefined
    const waiter: Waiter = { onGranted, onDisplaced, settle: () => {} }
    let entry: Entry<Waiter> = this.#waiters.add(waiter, dueMs)
    if (typeof due !== "number")
      waiter.settle = due.onRaise(() => {
        this.#waiters.remove(entry)
        entry = this.#waiters.add(waiter, due.dueMs)
      })
    return () => {
      waiter.settle()
      this.#waiters.remove(entry)
    }
  }

  #makeRoom(dueMs: number): boolean {
    const { last } = this.#waiters
    if (last?.item.onDisplaced === undefined || last.dueMs <= dueMs) return false
    this.#waiters.remove(last)
    last.item.settle()
    last.item.onDisplaced()
    return true
  }

  /** Releases a permit. */
  releaseUnsafe(): void {
    // The permit changes hands without becoming available in between.
    const first = this.#waiters.take()
    if (first === undefined) {
      this.#inUse--
      return
    }
    first.settle()
    first.onGranted()
  }

  /** Runs an effect with a permit, waiting for one if necessary. */
  withPermit<A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | BulkheadFull, R> {
    return Effect.withFiber((fiber) => {
      // Plain variables, set in the same tick as the permit changes hands, so that no interruption can come between
      // receiving a permit and recording it.
      let holds = false
      let isDisplaced = false
      let leave: (() => void) | undefined
      const clock = fiber.getRef(Clock.Clock)
      const full = (waitedMs: number) =>
        Effect.suspend(() => Effect.fail(new BulkheadFull({ limit: this.limit, waitedMs })))
      const permit = Effect.suspend((): Effect.Effect<void, BulkheadFull> => {
        holds = this.takeUnsafe()
        if (holds) return Effect.void
        const sinceMs = Monotonic.nowMsUnsafe(clock)
        let resume: (() => void) | undefined
        leave = this.enqueueUnsafe(
          () => {
            holds = true
            resume?.()
          },
          fiber.getRef(CurrentDue) ?? sinceMs,
          () => {
            isDisplaced = true
            resume?.()
          }
        )
        if (leave === undefined) return full(0)
        const ended = Effect.callback<void>((done) => {
          if (holds || isDisplaced) return done(Effect.void)
          // A yield in between, so that calls that pass the permit on to each other do not nest.
          resume = () => done(Effect.yieldNow)
        })
        return Effect.timeoutOption(ended, Duration.millis(this.maxWaitMs)).pipe(
          Effect.flatMap(() =>
            holds ? Effect.void : full(isDisplaced ? Monotonic.nowMsUnsafe(clock) - sinceMs : this.maxWaitMs)
          )
        )
      })
      return Effect.onExit(
        Effect.flatMap(permit, () => self),
        () =>
          Effect.sync(() => {
            leave?.()
            if (holds) this.releaseUnsafe()
          })
      )
    })
  }

  /** The current load. */
  readonly state: Effect.Effect<Snapshot> = Effect.sync(() => ({
    limit: this.limit,
    inUse: this.#inUse,
    waiting: this.#waiters.size
  }))
}

/** Makes a bulkhead. Each setting has a default. */
export const make = (settings: Settings = {}): Effect.Effect<Bulkhead> => Effect.sync(() => new Bulkhead(settings))
