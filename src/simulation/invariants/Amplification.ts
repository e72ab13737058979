/**
 * Retries do not overload a failing peer: neither a model nor the cluster's API server.
 *
 * Attempts are counted at the wire, for each peer and each process of the service, since a new process has a new budget
 * (`AttemptBucket`). At a model a request is a hop of the chain, at the API server a call of the client; further
 * attempts of the same one are extra.
 *
 * A request to the API server that the service rejects itself earns budget too, although it is not visible at the wire.
 * Its process is unknown, so with two processes each is credited.
 */

import { AttemptBucket } from "./AttemptBucket.ts"
import type { Invariant } from "./Invariant.ts"

export const amplification: Invariant = {
  name: "amplification",
  description: "Attempts at a peer, the API server among them, stay within requests × 1.2 + 10 + 1 per second.",
  make: (_, report) => {
    const buckets = new Map<string, AttemptBucket>()
    const attempt = (peer: string, process: number, work: object, atMs: number, asked?: number) => {
      const key = `${peer} ${process}`
      const bucket = buckets.get(key) ?? new AttemptBucket(atMs, asked)
      buckets.set(key, bucket)
      if (!bucket.attempt(work, atMs, asked)) report(`${peer} got one attempt more than its retry budget allows`)
    }
    return {
      on: {
        CallBegan: ({ call: { hop, peer, process, purpose } }, atMs) => {
          if (purpose === "work" && hop !== undefined) attempt(peer, process, hop, atMs)
        },
        RequestBegan: ({ request: { asked, process, work } }, atMs) => attempt("kubernetes", process, work, atMs, asked)
      }
    }
  }
}
