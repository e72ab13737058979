/**
 * How long work waits for limits of its own process: a full bulkhead, an open circuit breaker. Such a limit says _not
 * now_. It says nothing about the peer, so work that has patience waits and calls again.
 *
 * **Details**
 *
 * A patience is a stock of time that all calls of one piece of work share. Time in which several of them wait counts
 * once. When it is used up, the next rejection is final. Without a patience in the context the first one is.
 *
 * **When to use**
 *
 * Around work that must not mistake a rejection for an answer: `within` sets the patience, and `retry` goes around a
 * call.
 *
 * **Example** (a call that is rejected once)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Patience } from "kubernaut/resilience"
 *
 * let calls = 0
 * const call = Effect.suspend(() => (++calls === 1 ? Effect.fail("full") : Effect.succeed("pong")))
 * const program = Patience.retry(call, () => 10).pipe(Patience.within("1 second"))
 *
 * await Effect.runPromise(program) // => "pong"
 * ```
 */

import { Context, Duration, Effect } from "effect"
import * as Monotonic from "../Monotonic.ts"

/** A stock of waiting time. Create it with `make`. */
export class Patience {
  readonly limitMs: number
  #spentMs = 0
  #countedUntilMs = Number.NEGATIVE_INFINITY

  constructor(limitMs: number) {
    this.limitMs = limitMs
  }

  /** What is left, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.limitMs - this.#spentMs)
  }

  /** Takes the time between two moments. Time that was taken before counts once. */
  spend(fromMs: number, untilMs: number): void {
    const beginMs = Math.max(fromMs, this.#countedUntilMs)
    if (untilMs <= beginMs) return
    this.#spentMs += untilMs - beginMs
    this.#countedUntilMs = untilMs
  }
}

/** The patience of the fiber; `undefined` where the first rejection is final. */
export const CurrentPatience = Context.Reference<Patience | undefined>(
  "kubernaut/resilience/pipeline/Patience/CurrentPatience",
  { defaultValue: () => undefined }
)

/** Makes a patience. */
export const make = (limit: Duration.Input): Patience =>
  new Patience(Duration.toMillis(Duration.fromInputUnsafe(limit)))

/** Runs an effect with a patience of its own. */
export const within =
  (limit: Duration.Input) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => Effect.provideService(self, CurrentPatience, make(limit)))

/**
 * Calls again while the patience lasts. `pauseMs` gets an error and the number of earlier rejections, and returns how
 * many milliseconds to wait before the next call, or `undefined` when the error is final.
 */
export const retry = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  pauseMs: (error: E, earlier: number) => number | undefined
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const patience = fiber.getRef(CurrentPatience)
    if (patience === undefined) return self
    let earlier = 0
    const again: Effect.Effect<A, E, R> = Effect.flatMap(Monotonic.nowMs, (startedMs) =>
      Effect.catch(self, (error) => {
        const pause = pauseMs(error, earlier++)
        if (pause === undefined) return Effect.fail(error)
        return Effect.flatMap(Monotonic.nowMs, (failedMs) => {
          // The rejected call has waited in vain, for a permit for example.
          patience.spend(startedMs, failedMs)
          if (patience.leftMs <= 0) return Effect.fail(error)
          return Effect.sleep(Math.min(Math.max(1, pause), patience.leftMs)).pipe(
            Effect.andThen(Monotonic.nowMs),
            Effect.flatMap((nowMs) => {
              patience.spend(failedMs, nowMs)
              return again
            })
          )
        })
      })
    )
    return again
  })
