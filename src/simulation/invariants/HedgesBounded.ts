/**
 * Hedges are bounded: a language model is asked beside HolmesGPT only where that is configured, once for an alert,
 * after HolmesGPT has had its time, and within the retry budget that hedges and attempts at HolmesGPT share.
 *
 * A hedge is seen at the wire: the first call of another hop while a call to HolmesGPT for the same investigation is
 * under way, or between two attempts of its hop, which is known with the second one. When HolmesGPT last showed a sign
 * of work is not looked at, only when it was asked.
 */

import type { Setting } from "../farEnds/FarEnd.ts"
import { type Hedging, hedgingOf } from "../farEnds/Hedging.ts"
import type { Call, Handlers } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import { AttemptBucket } from "./AttemptBucket.ts"
import type { Checker, Invariant } from "./Invariant.ts"

/** A call, and when it was sent. */
interface Asked {
  readonly call: Call
  readonly sinceMs: number
}

class Hedges implements Checker {
  private readonly report: (message: string) => void
  private readonly hedging: Hedging | undefined
  private readonly buckets = new Map<number, AttemptBucket>()
  private readonly standstill = new Standstill()
  /** By investigation: the call to HolmesGPT that is under way, and the last one. */
  private readonly underWay = new Map<object, Asked>()
  private readonly lastAsked = new WeakMap<object, Asked>()
  /** What was asked when no call to HolmesGPT was under way, and the call to HolmesGPT before it, by investigation. */
  private readonly between = new WeakMap<object, { readonly hedge: Asked; readonly after: Asked }>()
  /** The hop beside HolmesGPT, by investigation. */
  private readonly hedges = new WeakMap<object, object>()
  private readonly hops = new WeakSet<object>()
  private count = 0
  private asked = 0
  private begun = 0

  constructor(setting: Setting, report: (message: string) => void) {
    this.report = report
    this.hedging = hedgingOf(setting)
  }

  readonly figures = () => ({ hedges: this.count })

  readonly on: Handlers = {
    ProcessBooted: ({ process }) => {
      if (process === "service") this.standstill.booted()
    },
    ProcessPaused: ({ forMs }, atMs) => this.standstill.paused(atMs, forMs),
    CallBegan: ({ call }, atMs) => {
      const { hop, investigation, peer, process, purpose } = call
      if (purpose !== "work" || hop === undefined || investigation === undefined) return
      const bucket = this.bucketOf(process, atMs)
      const isFirst = !this.hops.has(hop)
      this.hops.add(hop)
      if (peer === "holmesgpt") {
        // It may have been sent before a pause.
        this.askedHolmesGpt(investigation, { call, sinceMs: this.standstill.since(atMs) })
        if (isFirst) this.asked++
        // One too many is reported as amplification.
        bucket.attempt(hop, atMs, this.requests)
        return
      }
      // Only its first attempt says when its hop began.
      if (!isFirst) return
      const first = this.underWay.get(investigation)
      const last = this.lastAsked.get(investigation)
      if (first !== undefined) this.judge(investigation, { call, sinceMs: atMs }, first)
      else if (last !== undefined) this.between.set(investigation, { hedge: { call, sinceMs: atMs }, after: last })
    },
    // It has begun, and may wait for a permit before it is seen at the wire.
    Committed: ({ events }) => {
      for (const { kind } of events) if (kind === "Started") this.begun++
    },
    CallEnded: ({ call }) => {
      const { investigation } = call
      if (investigation !== undefined && this.underWay.get(investigation)?.call === call)
        this.underWay.delete(investigation)
    }
  }

  private get requests(): number {
    return Math.max(this.asked, this.begun)
  }

  private bucketOf(process: number, atMs: number): AttemptBucket {
    const bucket = this.buckets.get(process) ?? new AttemptBucket(atMs, this.requests)
    this.buckets.set(process, bucket)
    return bucket
  }

  private askedHolmesGpt(investigation: object, now: Asked): void {
    const found = this.between.get(investigation)
    this.between.delete(investigation)
    if (found !== undefined && found.after.call.hop === now.call.hop)
      this.judge(investigation, found.hedge, found.after)
    this.underWay.set(investigation, now)
    this.lastAsked.set(investigation, now)
  }

  private judge(investigation: object, { call, sinceMs: atMs }: Asked, first: Asked): void {
    const before = this.hedges.get(investigation)
    if (call.hop === undefined || first.call.hop === undefined) return
    this.hedges.set(investigation, call.hop)
    this.count++
    const problem = this.problemOf(call.peer, before, atMs - first.sinceMs)
    if (problem !== undefined) this.report(problem)
    if (!this.bucketOf(call.process, atMs).attempt(first.call.hop, atMs, this.requests))
      this.report(`${call.peer} is asked beside holmesgpt without a retry budget`)
  }

  private problemOf(peer: string, before: object | undefined, waitedMs: number): string | undefined {
    if (this.hedging === undefined) return `${peer} is asked beside holmesgpt, and nothing is to be hedged`
    if (before !== undefined) return `${peer} is asked beside holmesgpt, and so was another model for the same alert`
    return waitedMs < this.hedging.after
      ? `${peer} is asked beside holmesgpt after ${waitedMs} ms, not ${this.hedging.after} ms`
      : undefined
  }
}

export const hedgesBounded: Invariant = {
  name: "hedges-bounded",
  description:
    "A model is asked beside HolmesGPT only where that is configured, not early, once for an alert, and within the retry budget.",
  make: (setting, report) => new Hedges(setting, report)
}
