/**
 * Hedges are bounded: a language model is asked beside HolmesGPT only where that is configured, once for an alert,
 * after HolmesGPT has had its time, and within the retry budget that hedges and attempts at HolmesGPT share.
 *
 * A hedge is seen at the wire: the first call of another hop while a call to HolmesGPT for the same investigation is
 * under way. When HolmesGPT last showed a sign of work is not looked at, only when it was asked.
 */

import { hedgingOf } from "../farEnds/Hedging.ts"
import type { Call } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import { AttemptBucket } from "./AttemptBucket.ts"
import type { Invariant } from "./Invariant.ts"

export const hedgesBounded: Invariant = {
  name: "hedges-bounded",
  description:
    "A model is asked beside HolmesGPT only where that is configured, not early, once for an alert, and within the retry budget.",
  make: (setting, report) => {
    const hedging = hedgingOf(setting)
    const buckets = new Map<number, AttemptBucket>()
    const standstill = new Standstill()
    const underWay = new Map<object, { readonly call: Call; readonly sinceMs: number }>()
    /** The hop beside HolmesGPT, by investigation. */
    const hedges = new WeakMap<object, object>()
    let count = 0
    const hops = new WeakSet<object>()
    const others = new WeakSet<object>()
    let asked = 0
    let begun = 0
    const bucketOf = (process: number, atMs: number): AttemptBucket => {
      const bucket = buckets.get(process) ?? new AttemptBucket(atMs, Math.max(asked, begun))
      buckets.set(process, bucket)
      return bucket
    }
    const problemOf = (peer: string, before: object | undefined, waitedMs: number): string | undefined => {
      if (hedging === undefined) return `${peer} is asked beside holmesgpt, and nothing is to be hedged`
      if (before !== undefined) return `${peer} is asked beside holmesgpt, and so was another model for the same alert`
      return waitedMs < hedging.after
        ? `${peer} is asked beside holmesgpt after ${waitedMs} ms, not ${hedging.after} ms`
        : undefined
    }
    return {
      on: {
        ProcessBooted: ({ process }) => {
          if (process === "service") standstill.booted()
        },
        ProcessPaused: ({ forMs }, atMs) => standstill.paused(atMs, forMs),
        CallBegan: ({ call }, atMs) => {
          const { hop, investigation, peer, process, purpose } = call
          if (purpose !== "work" || hop === undefined || investigation === undefined) return
          const bucket = bucketOf(process, atMs)
          if (peer === "holmesgpt") {
            // It may have been sent before a pause.
            underWay.set(investigation, { call, sinceMs: standstill.since(atMs) })
            if (!hops.has(hop)) {
              hops.add(hop)
              asked++
            }
            // One too many is reported as amplification.
            bucket.attempt(hop, atMs, Math.max(asked, begun))
            return
          }
          // A hop that began between two attempts at HolmesGPT is still there when the next one has begun.
          if (others.has(hop)) return
          others.add(hop)
          const first = underWay.get(investigation)
          const before = hedges.get(investigation)
          if (first?.call.hop === undefined) return
          hedges.set(investigation, hop)
          count++
          const problem = problemOf(peer, before, atMs - first.sinceMs)
          if (problem !== undefined) report(problem)
          if (!bucket.attempt(first.call.hop, atMs, Math.max(asked, begun)))
            report(`${peer} is asked beside holmesgpt without a retry budget`)
        },
        // It has begun, and may wait for a permit before it is seen at the wire.
        Committed: ({ events }) => {
          for (const { kind } of events) if (kind === "Started") begun++
        },
        CallEnded: ({ call }) => {
          const { investigation } = call
          if (investigation !== undefined && underWay.get(investigation)?.call === call) underWay.delete(investigation)
        }
      },
      figures: () => ({ hedges: count })
    }
  }
}
