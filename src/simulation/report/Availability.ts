/**
 * The share of time in which alerts are accepted and worked on, as a sender and a reader of the journal observe it. The
 * requirement is 99 % (BR-RELIABILITY-001 in `docs/requirements.md`).
 *
 * The service is unavailable at a moment when any of these holds:
 *
 * | reason |                                                                                    |
 * | ------ | ---------------------------------------------------------------------------------- |
 * | `down` | no process accepts requests: from the end of one until the next is ready           |
 * | `deaf` | some alert was posted more than `answerWithinMs` ago and is not acknowledged       |
 * | `idle` | some accepted alert has waited more than `takeUpWithinMs` for an actor to start it |
 *
 * What holds an alert up before it is posted, such as a sender that is late, is not the service's.
 *
 * Reasons overlap, so their sum may exceed the unavailable time. Only the safety phase counts: healing ends it.
 */

import type { AlertIdentity, CommittedEvent, Handlers } from "../observation/Observation.ts"
import * as Causes from "./Causes.ts"
import { covered, type Span } from "./Spans.ts"

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
  /** The time of each cause of `down` and `deaf`. Causes overlap. */
  readonly byCauseMs: Causes.ByCause
}

/** How soon an alert must be acknowledged: 10 seconds, as Alertmanager's own timeout for a webhook. */
export const answerWithinMs = 10_000

/** How soon an actor must start on an accepted alert: one minute. */
export const takeUpWithinMs = 60_000

/** The share of time that the requirement asks for, to compare with `ratio`. */
export const goal = 0.99

/** No time observed: the neutral element of `add`. */
export const none: Availability = {
  observedMs: 0,
  unavailableMs: 0,
  byReasonMs: { down: 0, deaf: 0, idle: 0 },
  byCauseMs: Causes.none
}

/**
 * The sum of two runs, for the availability over many seeds. Time is added, so a longer run has more weight.
 *
 * ```ts
 * import { Availability } from "kubernaut/simulation"
 *
 * const quiet = { ...Availability.none, observedMs: 3_000 }
 * const disturbed = { ...Availability.none, observedMs: 1_000, unavailableMs: 200 }
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
  },
  byCauseMs: Causes.add(left.byCauseMs, right.byCauseMs)
})

/** The available share of time, from 0 to 1; 1 where nothing was observed. */
export const ratio = ({ observedMs, unavailableMs }: Availability): number =>
  observedMs === 0 ? 1 : 1 - unavailableMs / observedMs

const keyOf = ({ alert, firing }: { readonly alert: AlertIdentity; readonly firing: boolean }): string =>
  `${firing} ${alert.fingerprint} ${alert.startsAt}`

/** Measures the availability of one run. Subscribe `on` and `causes.on` before the run; read `at` once, after it. */
export class AvailabilityRecorder {
  readonly on: Handlers
  readonly causes = new Causes.CausesRecorder(answerWithinMs)
  private readonly spans: Record<Reason, Array<Span>> = { down: [], deaf: [], idle: [] }
  private downSinceMs: number | undefined = 0
  /** Alerts of which no post is on its way yet. */
  private readonly announced = new Set<string>()
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
      AlertSent: (sent) => void this.announced.add(keyOf(sent)),
      AlertPosted: (posted, atMs) => {
        const key = keyOf(posted)
        // Repeats, and what an answer to a copy has settled, are not waited for.
        if (this.announced.delete(key)) this.sent.set(key, atMs)
      },
      AlertAnswered: (answer, atMs) => this.answered(keyOf(answer), atMs),
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
      byReasonMs: { down: covered(down), deaf: covered(deaf), idle: covered(idle) },
      byCauseMs: this.causes.at(nowMs)
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
