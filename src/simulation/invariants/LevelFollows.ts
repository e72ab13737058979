/**
 * The degradation level follows the breakers: 1 without HolmesGPT, 2 without any model, else 0. With more than three
 * services out, the API server among them, it is 3, until that has been over for 30 seconds.
 *
 * A tier is out from the moment its breaker opens until it closes. The service must report the new level at the same
 * moment or, if it is paused then, at the moment in which it resumes. The level of an investigation must have been due
 * at some time during it.
 *
 * Scenarios with their own investigators are not checked, nor is a second process, which has its own breakers and
 * level.
 */

import type { Setting } from "../farEnds/FarEnd.ts"
import type { Handlers } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Checker, Invariant } from "./Invariant.ts"

/** How long an emergency must be over. */
const settleMs = 30_000

class Level implements Checker {
  private readonly report: (message: string) => void
  private readonly tiers: ReadonlyArray<string>
  private readonly out = new Set<string>()
  /** The levels that were due in this process, and since when. */
  private due: Array<{ readonly level: number; readonly sinceMs: number }> = []
  /** Until when an emergency that is over counts. */
  private settlesMs = -Infinity
  private process = 0
  private said: number | undefined
  private readonly workedOnSinceMs = new Map<string, number>()
  private readonly standstill = new Standstill()

  constructor({ scenario }: Setting, report: (message: string) => void) {
    this.report = report
    this.tiers = scenario.investigators === undefined ? (scenario.tiers ?? []) : []
  }

  readonly on: Handlers = {
    ProcessBooted: ({ number }, atMs) => {
      this.process = number
      this.out.clear()
      this.settlesMs = -Infinity
      this.due = [{ level: 0, sinceMs: atMs }]
      this.said = undefined
      this.workedOnSinceMs.clear()
      this.standstill.booted()
    },
    ProcessPaused: ({ forMs, number }, atMs) => {
      if (number === this.process) this.standstill.paused(atMs, forMs)
    },
    BreakerMoved: ({ breaker, to }, atMs) => {
      this.look(atMs)
      if (!this.tiers.includes(breaker) && breaker !== "kubernetes") return
      const wasEmergency = this.isEmergency
      if (to === "Closed" || to === "ForcedClosed") this.out.delete(breaker)
      else this.out.add(breaker)
      if (wasEmergency && !this.isEmergency) this.settlesMs = atMs + settleMs
      this.becomesDue(atMs)
    },
    LevelIs: ({ level }, atMs) => {
      this.said = level
      // It may be outdated: breakers can move more than once in a moment.
      if (this.tiers.length > 0 && !this.dueBetween(this.standstill.since(atMs), atMs).includes(level))
        this.report(`the service says level ${level}, and ${this.dueAt(atMs)?.level} is due`)
    },
    CallBegan: ({ call }, atMs) => {
      if (call.process === this.process) this.look(atMs)
    },
    Committed: ({ events, process = this.process }, atMs) => {
      if (process !== this.process) return
      this.look(atMs)
      for (const { event, kind, remediationId } of events) {
        // It may have read the level before a pause.
        if (kind === "Started" || kind === "Reviewed")
          this.workedOnSinceMs.set(remediationId, this.standstill.since(atMs))
        if (kind !== "Investigated" || event._tag !== "Investigated" || this.tiers.length === 0) continue
        const sinceMs = this.workedOnSinceMs.get(remediationId) ?? 0
        if (!this.dueBetween(sinceMs, atMs).includes(event.level))
          this.report(`remediation ${remediationId} was investigated at level ${event.level}, which was not due`)
      }
    }
  }

  private dueAt(atMs: number): { readonly level: number; readonly sinceMs: number } | undefined {
    return this.due.findLast(({ sinceMs }) => sinceMs <= atMs)
  }

  private get isEmergency(): boolean {
    return this.tiers.length > 0 && this.out.size > 3
  }

  /** What is due from now on: after an emergency, level 3 until it has settled. */
  private becomesDue(atMs: number): void {
    this.due = this.due.filter(({ sinceMs }) => sinceMs <= atMs)
    const add = (level: number, sinceMs: number) => {
      if (this.due[this.due.length - 1]?.level !== level) this.due.push({ level, sinceMs })
    }
    if (this.isEmergency || atMs < this.settlesMs) add(3, atMs)
    if (!this.isEmergency) add(this.level, Math.max(atMs, this.settlesMs))
  }

  private get level(): number {
    if (this.tiers.length > 0 && this.tiers.every((tier) => this.out.has(tier))) return 2
    return this.out.has("holmesgpt") ? 1 : 0
  }

  /** The levels that were due at any moment of an interval, including one that ended in its first millisecond. */
  private dueBetween(fromMs: number, toMs: number): ReadonlyArray<number> {
    return this.due
      .filter(({ sinceMs }, index) => sinceMs <= toMs && (this.due[index + 1]?.sinceMs ?? Infinity) >= fromMs)
      .map(({ level }) => level)
  }

  private look(atMs: number): void {
    const now = this.dueAt(atMs)
    if (this.tiers.length === 0 || now === undefined || this.said === undefined) return
    if (this.said === now.level || !this.standstill.isLate(now.sinceMs, atMs)) return
    this.report(`the service still says level ${this.said}, and ${now.level} is due since ${atMs - now.sinceMs} ms`)
  }
}

export const levelFollows: Invariant = {
  name: "level-follows",
  description: "The degradation level follows the breakers of the models.",
  make: (setting, report) => new Level(setting, report)
}
