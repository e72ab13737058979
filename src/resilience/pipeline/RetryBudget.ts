/**
 * A bound on extra attempts, so that retries and fallbacks cannot multiply a storm.
 *
 * **Details**
 *
 * A bucket of tokens. It starts with `burst` tokens and never holds more. Each request puts in `ratio` of a token, each
 * second `perSecond` of one, and each attempt beyond a request's first takes out one. So in any span of T seconds that
 * sees N requests:
 *
 *     attempts ≤ N × (1 + ratio) + burst + perSecond × T
 *
 * **When to use**
 *
 * One budget per peer. Pipelines to the same peer should share one; a fallback chain can take its hops from one as well
 * (`withdraw`).
 */

import { Duration, Effect } from "effect"
import * as Monotonic from "../Monotonic.ts"

export interface Settings {
  /**
   * Extra attempts allowed per request, 0 or more. Default 0.2: a peer that is down sees at most a fifth more than its
   * normal load (Finagle's figure).
   */
  readonly ratio?: number
  /**
   * Tokens the bucket starts with and can hold, 0 or more. Default 10, so that a service that just started can retry
   * two whole calls (4 extra each).
   */
  readonly burst?: number
  /**
   * Tokens that come back each second whatever the load, 0 or more. Default 1, so that a quiet pipeline never loses its
   * retries for good.
   */
  readonly perSecond?: number
}

export const defaults = { ratio: 0.2, burst: 10, perSecond: 1 } as const satisfies Required<Settings>

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

  /** Counts one request at once. For callers on a hot path; else use `deposit`. */
  depositUnsafe(): void {
    // What is above the burst spills when it is next looked at.
    this.#tokens += this.settings.ratio
  }

  /**
   * Takes a token for one extra attempt if there is one. For callers that hold the time (`Monotonic`) already; else use
   * `withdraw`.
   */
  withdrawUnsafe(nowMs: number): boolean {
    this.#refill(nowMs)
    // Sums of ratios such as 0.2 fall short of whole numbers by rounding.
    if (this.#tokens < 1 - 1e-9) return false
    this.#tokens = Math.max(0, this.#tokens - 1)
    return true
  }

  /** Counts one request. */
  readonly deposit: Effect.Effect<void> = Effect.sync(() => this.depositUnsafe())

  /** Takes a token for one extra attempt; `false` says that the attempt must not be made. */
  readonly withdraw: Effect.Effect<boolean> = Effect.map(Monotonic.nowMs, (nowMs) => this.withdrawUnsafe(nowMs))

  /** Tokens in the bucket, for status pages. */
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

/** Makes a budget with the defaults above. */
export const make = (settings: Settings = {}): Effect.Effect<RetryBudget> =>
  Effect.sync(() => new RetryBudget(settings))
