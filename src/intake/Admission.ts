/**
 * Admission under load: by severity as the queue fills up, and by a rate limit per source.
 *
 * Both are pure functions. A shed alert is not lost, because Alertmanager keeps it and sends it again.
 */

import type { Severity } from "../domain/Alert.ts"

export interface AdmissionOptions {
  /**
   * The maximum number of open remediations, including those that wait for a review. Default 50,000, which is 500 MB of
   * journal at 10 KB each, and less than a minute of work at 1,000 remediations per second.
   */
  readonly capacity?: number
  /**
   * The share of the capacity up to which alerts of each severity are admitted. Default: critical 1, warning 0.8, info
   * and none 0.5. This reserves half of the queue for warnings and critical alerts, and its last fifth for critical
   * alerts.
   */
  readonly shares?: Readonly<Record<Severity, number>>
}

export const defaultCapacity = 50_000

export const defaultShares: Readonly<Record<Severity, number>> = { critical: 1, warning: 0.8, info: 0.5, none: 0.5 }

/** Whether one more alert of this severity is admitted when `open` remediations are open. */
export const admits = (severity: Severity, open: number, options: AdmissionOptions = {}): boolean =>
  open < (options.capacity ?? defaultCapacity) * (options.shares ?? defaultShares)[severity]

export interface RateLimit {
  /** The sustained rate of one source, in alerts per second. */
  readonly perSecond: number
  /**
   * The number of alerts that a source may send at once after an idle period. Make it at least the size of the largest
   * post: a larger post is only admitted while the bucket is full.
   */
  readonly burst: number
}

/** The default exceeds what one process can accept from all sources, so it only limits a source that misbehaves. */
export const defaultRateLimit: RateLimit = { perSecond: 5000, burst: 50_000 }

/** The tokens that a source had at a time of the monotonic clock (`Monotonic`). */
export interface TokenBucket {
  readonly tokens: number
  readonly atMs: number
}

export const fullBucket = (limit: RateLimit, nowMs: number): TokenBucket => ({ tokens: limit.burst, atMs: nowMs })

/**
 * Takes `count` tokens. If there are too few, it takes none and returns after how many milliseconds there will be
 * enough. A clock that moves backwards adds no tokens.
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
  // The bucket never holds more than the burst. A larger post is admitted when it is full, and leaves it in debt.
  const needed = Math.min(count, limit.burst)
  return tokens >= needed
    ? { bucket: { ...now, tokens: tokens - count }, retryAfterMs: undefined }
    : { bucket: now, retryAfterMs: Math.ceil(((needed - tokens) * 1000) / limit.perSecond) }
}
