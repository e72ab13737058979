/**
 * Who gets in when there is too much: by severity while the queue fills up, and by source before that.
 *
 * Both are pure functions over numbers. A shed alert is not lost: Alertmanager still has it, and sends it again.
 */

import type { Severity } from "../domain/Alert.ts"

export interface AdmissionOptions {
  /**
   * Remediations that may be open, those that wait for a person included. Default 50,000: at 10 KB each half a gigabyte
   * of journal, and at 1,000 remediations a second less than a minute of work.
   */
  readonly capacity?: number
  /**
   * The share of the capacity up to which each severity is let in. Default: critical 1, warning 0.8, info and none 0.5.
   * So half of the queue is for alerts that a person would want to be woken for, and its last fifth for the critical
   * ones among them.
   */
  readonly shares?: Readonly<Record<Severity, number>>
}

export const defaultCapacity = 50_000

export const defaultShares: Readonly<Record<Severity, number>> = { critical: 1, warning: 0.8, info: 0.5, none: 0.5 }

/** May one more of this severity come in, with so many open already? */
export const admits = (severity: Severity, open: number, options: AdmissionOptions = {}): boolean =>
  open < (options.capacity ?? defaultCapacity) * (options.shares ?? defaultShares)[severity]

export interface RateLimit {
  /** Alerts a second that one source may send in the long run. */
  readonly perSecond: number
  /**
   * Alerts that it may send at once after a quiet time. At least the size of its largest post, which is refused as a
   * whole otherwise.
   */
  readonly burst: number
}

/**
 * Above what one process can take from all sources together, so that it hits a source that repeats itself and nobody
 * else.
 */
export const defaultRateLimit: RateLimit = { perSecond: 5000, burst: 50_000 }

/** What a source has left, at a moment of the monotonic clock (`Monotonic`). */
export interface TokenBucket {
  readonly tokens: number
  readonly atMs: number
}

export const fullBucket = (limit: RateLimit, nowMs: number): TokenBucket => ({ tokens: limit.burst, atMs: nowMs })

/**
 * Takes `count` tokens, or none and says after how many milliseconds they would be there. A clock that goes back adds
 * nothing.
 */
export const takeTokens = (
  bucket: TokenBucket,
  count: number,
  nowMs: number,
  limit: RateLimit
): { readonly bucket: TokenBucket; readonly retryAfterMs: number | undefined } => {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs)
  const tokens = Math.min(limit.burst, bucket.tokens + (elapsedMs * limit.perSecond) / 1000)
  const now = { tokens, atMs: Math.max(nowMs, bucket.atMs) }
  // More than the burst would never be there: it may go once the bucket is full, and leaves it in debt.
  const needed = Math.min(count, limit.burst)
  return tokens >= needed
    ? { bucket: { ...now, tokens: tokens - count }, retryAfterMs: undefined }
    : { bucket: now, retryAfterMs: Math.ceil(((needed - tokens) * 1000) / limit.perSecond) }
}
