/**
 * The share of time in which alerts are accepted and worked on, as a sender and a reader of the journal observe it. The
 * requirement is 99 % (BR-RELIABILITY-001 in `docs/requirements.md`).
 *
 * The service is unavailable at a moment when any of these holds:
 *
 * | reason |                                                                                    |
 * | ------ | ---------------------------------------------------------------------------------- |
 * | `down` | no process accepts requests: from the end of one until the next is ready           |
 * | `deaf` | some alert was sent more than `answerWithinMs` ago and is not acknowledged         |
 * | `idle` | some accepted alert has waited more than `takeUpWithinMs` for an actor to start it |
 *
 * Reasons overlap, so their sum may exceed the unavailable time. Only the safety phase counts: healing ends it.
 */

import type { CommittedEvent, Handlers } from "../observation/Observation.ts"

/** Why the service is unavailable. The module's comment defines each reason. */
export type Reason = "down" | "deaf" | "idle"

/** The availability of one run or, after `add`, of several. All times are simulated milliseconds. */
export interface Availability {
  /** From the start of the run until healing began. */
  readonly observedMs: number
  /** The time in which at least one reason held. */
  readonly unavailableMs: number
  /** The time in which each reason held. Reasons overlap. */
  readonly byReasonMs: Readonly<Record<Reason, number>>
}

/** How soon an alert must be acknowledged: 10 seconds, as Alertmanager's own timeout for a webhook. */
export const answerWithinMs = 10_000

/** How soon an actor must start on an accepted alert: one minute. */
export const takeUpWithinMs = 60_000

/** The share of time that the requirement asks for, to compare with `ratio`. */
export const goal = 0.99

/** No time observed: the neutral element of `add`. */
export const none: Availability = { observedMs: 0, unavailableMs: 0, byReasonMs: { down: 0, deaf: 0, idle: 0 } }

/**
 * The sum of two runs, for the availability over many seeds. Time is added, so a longer run has more weight.
 *
 * ```ts
 * import { Availability } from "kubernaut/simulation"
 *
 * const quiet = { ...Availability.none, observedMs: 3_000 }
 * const disturbed = { observedMs: 1_000, unavailableMs: 200, byReasonMs: { down: 200, deaf: 0, idle: 0 } }
 * Availability.ratio(Availability.add(quiet, disturbed)) // => 0.95
 * ```
 */
export const add = (left: Availability, right: Availability): Availability => ({
  observedMs: left.observedMs + right.observedMs,
  unavailableMs: left.unavailableMs + right.unavailableMs,
  byReasonMs: {
    down: left.byReasonMs.down + right.byReasonMs.down,
    deaf: left.byReasonMs.deaf + right.byReasonMs.deaf,
    idle: left.byReasonMs.idle + right.byReasonMs.idle
  }
})

/** The available share of time, from 0 to 1; 1 where nothing was observed. */
export const ratio = ({ observedMs, unavailableMs }: Availability): number =>
  observedMs === 0 ? 1 : 1 - unavailableMs / observedMs

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** The length of the union of the spans. */
export const covered = (spans: ReadonlyArray<Span>): number => {
  let total = 0
  let reachedMs = -Infinity
  for (const { fromMs, toMs } of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    total += Math.max(0, toMs - Math.max(fromMs, reachedMs))
    reachedMs = Math.max(reachedMs, toMs)
  }
  return total
}

/** Measures the availability of one run. Subscribe `on` before the run; read `at` once, after it. */
export class AvailabilityRecorder {
  readonly on: Handlers
  private readonly spans: Record<Reason, Array<Span>> = { down: [], deaf: [], idle: [] }
  private downSinceMs: number | undefined = 0
  private readonly sent = new Map<string, number>()
  private readonly waiting = new Map<string, number>()
  private endMs: number | undefined

  constructor() {
    this.on = {
      ProcessReady: ({ process }, atMs) => {
        if (process !== "service" || this.downSinceMs === undefined) return
        this.close("down", this.downSinceMs, atMs)
        this.downSinceMs = undefined
      },
      ProcessEnded: ({ process }, atMs) => {
        if (process === "service") this.downSinceMs ??= atMs
      },
      AlertSent: ({ alert, firing }, atMs) =>
        void this.sent.set(`${firing} ${alert.fingerprint} ${alert.startsAt}`, atMs),
      AlertAnswered: ({ alert, firing }, atMs) =>
        this.answered(`${firing} ${alert.fingerprint} ${alert.startsAt}`, atMs),
      Committed: ({ events }, atMs) => {
        for (const row of events) this.take(row, atMs)
      },
      HealingBegan: (_, atMs) => this.end(atMs)
    }
  }

  /** The availability until healing began, or until `nowMs` where it has not. */
  at(nowMs: number): Availability {
    this.end(nowMs)
    const { deaf, down, idle } = this.spans
    return {
      observedMs: this.endMs ?? 0,
      unavailableMs: covered([...down, ...deaf, ...idle]),
      byReasonMs: { down: covered(down), deaf: covered(deaf), idle: covered(idle) }
    }
  }

  private close(reason: Reason, fromMs: number, toMs: number): void {
    if (this.endMs === undefined && toMs > fromMs) this.spans[reason].push({ fromMs, toMs })
  }

  private answered(key: string, atMs: number): void {
    const sentMs = this.sent.get(key)
    if (sentMs === undefined) return
    this.sent.delete(key)
    this.close("deaf", sentMs + answerWithinMs, atMs)
  }

  private take({ kind, remediationId }: CommittedEvent, atMs: number): void {
    if (kind === "Accepted") this.waiting.set(remediationId, atMs)
    else if (kind === "Started" || kind === "Joined" || kind === "Concluded") {
      const sinceMs = this.waiting.get(remediationId)
      if (sinceMs === undefined) return
      this.waiting.delete(remediationId)
      this.close("idle", sinceMs + takeUpWithinMs, atMs)
    }
  }

  private end(atMs: number): void {
    if (this.endMs !== undefined) return
    if (this.downSinceMs !== undefined) this.close("down", this.downSinceMs, atMs)
    for (const sentMs of this.sent.values()) this.close("deaf", sentMs + answerWithinMs, atMs)
    for (const sinceMs of this.waiting.values()) this.close("idle", sinceMs + takeUpWithinMs, atMs)
    this.endMs = atMs
  }
}
