/** How many alerts each source may send. */

import { fullBucket, type RateLimit, takeTokens, type TokenBucket } from "./Admission.ts"

/** The number of sources whose rate is tracked. A source that was dropped starts again with a full bucket. */
const maxSources = 1000

/**
 * Takes tokens from the bucket of a source. Returns `undefined`, or the milliseconds until the source can retry when
 * there are too few tokens.
 */
export const makeRateLimiter = (
  limit: RateLimit
): ((source: string, count: number, nowMs: number) => number | undefined) => {
  const buckets = new Map<string, TokenBucket>()
  return (source, count, nowMs) => {
    const taken = takeTokens(buckets.get(source) ?? fullBucket(limit, nowMs), count, nowMs, limit)
    buckets.delete(source)
    buckets.set(source, taken.bucket)
    if (buckets.size > maxSources) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest)
        break
      }
    }
    return taken.retryAfterMs
  }
}
