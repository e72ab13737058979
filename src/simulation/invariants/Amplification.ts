/**
 * A peer in trouble is not buried under second attempts.
 *
 * The account is kept at the wire, for each peer and each process of the service (a new process has a new budget): a bucket as the design has it, ten
 * extra attempts at once, a fifth of one for each request, one for each second. A request is a hop of the chain, and what comes for the same hop
 * again is an extra attempt. An attempt is paid for before the wait that precedes it, so the bucket here holds what comes in during the longest wait on top.
 */
import type { Invariant } from "../Invariant.ts"

const ratio = 0.2
const burst = 10
const perSecond = 1
/** The longest wait before an attempt: 5 s of `Retry-After` or back-off, a tenth for jitter, and the way to the wire. */
const longestWaitMs = 6_000

interface Bucket {
  tokens: number
  atMs: number
  readonly hops: WeakSet<object>
}

export const amplification: Invariant = {
  name: "amplification",
  description: "Attempts at a peer stay within requests × 1.2 + 10 + 1 per second.",
  make: (_, report) => {
    const buckets = new Map<string, Bucket>()
    const capacity = burst + perSecond * longestWaitMs / 1000
    return {
      on: {
        CallBegan: ({ call: { hop, peer, process, purpose } }, atMs) => {
          if (purpose === "probe" || hop === undefined) return
          const key = `${peer} ${process}`
          const bucket = buckets.get(key) ?? { tokens: capacity, atMs, hops: new WeakSet<object>() }
          buckets.set(key, bucket)
          const isExtra = bucket.hops.has(hop)
          bucket.hops.add(hop)
          bucket.tokens = Math.min(capacity, bucket.tokens + perSecond * (atMs - bucket.atMs) / 1000)
          bucket.atMs = atMs
          if (!isExtra) bucket.tokens += ratio
          else if (bucket.tokens < 1 - 1e-6) report(`${peer} got one attempt more than its retry budget allows`)
          else bucket.tokens -= 1
        }
      }
    }
  }
}
