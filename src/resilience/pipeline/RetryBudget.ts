/**
 * A bound on extra attempts, so that retries and fallbacks cannot multiply a storm of requests.
 *
 * **Details**
 *
 * A token bucket. It starts with `burst` tokens and never holds more. Each request adds `ratio` of a token, each second
 * adds `perSecond`, and each attempt after the first of a request takes one. So in any T seconds with N requests:
 *
 *     attempts ≤ N × (1 + ratio) + burst + perSecond × T
 *
 * **When to use**
 *
 * One budget per peer. Share it between the pipelines to the same peer; a fallback chain can take its hops from it too
 * (`withdraw`).
 *
 * **Example** (a budget of two extra attempts)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RetryBudget } from "kubernaut/resilience"
 *
 * const program = Effect.gen(function* () {
 *   const budget = yield* RetryBudget.make({ burst: 2, perSecond: 0 })
 *   return [yield* budget.withdraw, yield* budget.withdraw, yield* budget.withdraw]
 * })
 *
 * const allowed = Effect.runSync(program)
 * allowed // => [true, true, false]
 * ```
 */

import { Duration, Effect } from "effect"
import * as Monotonic from "../Monotonic.ts"

/** How many extra attempts a budget allows. Each setting has a default. */
export interface Settings {
  /**
   * Extra attempts per request, 0 or more. Default 0.2, as in Finagle: a failing peer gets at most 20 % more than its
   * normal load.
   */
  readonly ratio?: number
  /**
   * The initial and maximum number of tokens, 0 or more. Default 10, so that a service that has just started can retry
   * two calls to the end (4 extra attempts each).
   */
  readonly burst?: number
  /**
   * Tokens added each second regardless of load, 0 or more. Default 1, so that a pipeline with few requests regains its
   * retries.
   */
  readonly perSecond?: number
}

/** The defaults of `Settings`. */
export const defaults = { ratio: 0.2, burst: 10, perSecond: 1 } as const satisfies Required<Settings>

/** A retry budget. Create it with `make`; a `RangeError` reports a negative setting. */
export class RetryBudget {
  readonly settings: Required<Settings>
  #tokens: number
  #refilledAtMs: number | undefined = undefined

  constructor(settings: Settings) {
    this.settings = { ...defaults, ...settings }
    for (const [name, value] of Object.entries(this.settings)) {
      if (!(value >= 0)) throw new RangeError(`RetryBudget: ${name} must be 0 or more, got ${value}`)
    }
    this.#tokens = this.settings.burst
  }

  /** Counts one request. For callers on a hot path; otherwise use `deposit`. */
  depositUnsafe(): void {
    // The next refill removes tokens above the burst.
    this.#tokens += this.settings.ratio
  }

  /**
   * Takes a token for one extra attempt if one is available. For callers that already hold the time (`Monotonic`);
   * otherwise use `withdraw`.
   */
  withdrawUnsafe(nowMs: number): boolean {
    this.#refill(nowMs)
    // Sums of ratios such as 0.2 are slightly below whole numbers because of rounding.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens = Math.max(0, this.#tokens - 1)
    return true
  }

  /** Counts one request. */
  readonly deposit: Effect.Effect<void> = Effect.sync(() => this.depositUnsafe())

  /** Takes a token for one extra attempt; after `false` the attempt must not be made. */
  readonly withdraw: Effect.Effect<boolean> = Effect.map(Monotonic.nowMs, (nowMs) => this.withdrawUnsafe(nowMs))

  /** The number of available tokens, for status pages. */
  readonly available: Effect.Effect<number> = Effect.map(Monotonic.nowMs, (nowMs) => {
    this.#refill(nowMs)
    return this.#tokens
  })

  #refill(nowMs: number): void {
    const earned = ((nowMs - (this.#refilledAtMs ?? nowMs)) * this.settings.perSecond) / Duration.toMillis("1 second")
    this.#tokens = Math.min(this.settings.burst, this.#tokens + earned)
    this.#refilledAtMs = nowMs
  }
}

/** Makes a budget. Each setting has a default. */
export const make = (settings: Settings = {}): Effect.Effect<RetryBudget> =>
  Effect.sync(() => new RetryBudget(settings))
