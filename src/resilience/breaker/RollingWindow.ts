/**
 * Counts the requests, failures and slow calls in a rolling window of time, in constant memory.
 *
 * **Details**
 *
 * A window has 60 buckets, so one of 60 s covers the last 59 to 60 s. It is immutable: counting allocates one small
 * object, and once per bucket the old buckets are dropped. Each bucket has its start time, so the length of the window
 * can change without losing counts.
 *
 * All moments are of the monotonic clock (`Monotonic`), so setting the wall clock neither empties nor freezes a window.
 */

interface Bucket {
  readonly startMs: number
  readonly requests: number
  readonly failures: number
  readonly slow: number
}

/** The current bucket, the earlier ones that still count, and their sums. */
export interface Window extends Bucket {
  readonly past: ReadonlyArray<Bucket>
  readonly pastRequests: number
  readonly pastFailures: number
  readonly pastSlow: number
}

const bucketsPerWindow = 60

const bucketStart = (nowMs: number, windowMs: number): number => {
  const widthMs = windowMs / bucketsPerWindow
  return Math.floor(nowMs / widthMs) * widthMs
}

/** A window without requests. */
export const empty: Window = {
  startMs: Number.NEGATIVE_INFINITY,
  requests: 0,
  failures: 0,
  slow: 0,
  past: [],
  pastRequests: 0,
  pastFailures: 0,
  pastSlow: 0
}

// Moves to the bucket of `nowMs` and drops buckets that are too old. Runs at most once per bucket, so its cost does not
// matter.
const roll = (window: Window, windowMs: number, nowMs: number): Window => {
  const startMs = bucketStart(nowMs, windowMs)
  const oldestMs = startMs - windowMs
  let pastRequests = 0
  let pastFailures = 0
  let pastSlow = 0
  const past: Array<Bucket> = []
  const keep = (bucket: Bucket) => {
    if (bucket.startMs <= oldestMs) return
    past.push(bucket)
    pastRequests += bucket.requests
    pastFailures += bucket.failures
    pastSlow += bucket.slow
  }
  window.past.forEach(keep)
  keep({ startMs: window.startMs, requests: window.requests, failures: window.failures, slow: window.slow })
  return { startMs, requests: 0, failures: 0, slow: 0, past, pastRequests, pastFailures, pastSlow }
}

const isCurrent = (window: Window, windowMs: number, nowMs: number): boolean =>
  nowMs < window.startMs + windowMs / bucketsPerWindow

/** Counts one request that ended at `nowMs`. */
export const count = (window: Window, failed: boolean, slow: boolean, windowMs: number, nowMs: number): Window => {
  const current = isCurrent(window, windowMs, nowMs) ? window : roll(window, windowMs, nowMs)
  return {
    startMs: current.startMs,
    requests: current.requests + 1,
    failures: failed ? current.failures + 1 : current.failures,
    slow: slow ? current.slow + 1 : current.slow,
    past: current.past,
    pastRequests: current.pastRequests,
    pastFailures: current.pastFailures,
    pastSlow: current.pastSlow
  }
}

/** Requests, failures and slow calls in the window that ends at `nowMs`. */
export const totals = (window: Window, windowMs: number, nowMs: number) => {
  const current = isCurrent(window, windowMs, nowMs) ? window : roll(window, windowMs, nowMs)
  return {
    requests: current.requests + current.pastRequests,
    failures: current.failures + current.pastFailures,
    slow: current.slow + current.pastSlow
  }
}
