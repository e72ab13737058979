/**
 * The timeline of the degradation level, as the breakers that are seen from outside call for it: 1 without HolmesGPT, 2
 * without any model, 3 with more than three services out, else 0.
 *
 * | rule                                                                   | reported as             |
 * | ---------------------------------------------------------------------- | ----------------------- |
 * | the level falls in the moment in which a breaker opens                 | the service still says  |
 * | it is never better than what is due                                    | the service says        |
 * | it rises only when something better was due for 30 seconds             | the level rose          |
 * | it rises at most once in 5 minutes, restarts included                  | the level rose          |
 * | it comes back within 7 minutes, when nothing else fails                | the level has not risen |
 * | a new process begins at the level of the one before it, or a worse one | a new process begins at |
 * | an investigation has a level that the service had during it            | a remediation           |
 *
 * A tier is out from the moment its breaker opens until it closes. A paused service does everything in the moment in
 * which it resumes, and its clock has not stopped meanwhile. The database counts as a service too, and its outages are
 * not seen here: while a fault of it is active, a worse level is accepted. So is level 3 after an investigation without
 * a result.
 *
 * Scenarios with their own investigators are not checked, nor is a second process, which has its own breakers and
 * level. The same holds for a full container, for another cluster at the address of ours, and for an emergency that an
 * operator has declared: when it ends, the level may rise at once, and after that level 3 is demanded no more, because
 * what was found was dismissed. After a second process has run, or the wall clock has jumped, nothing is demanded of
 * what a process remembers.
 */

import type { Setting } from "../farEnds/FarEnd.ts"
import type { Handlers } from "../observation/Observation.ts"
import { Standstill } from "../observation/Standstill.ts"
import type { Checker, Invariant } from "./Invariant.ts"

const dwellMs = 30_000
const betweenRisesMs = 5 * 60_000
/** A rise that is due by the rules above comes within: the time between rises, a check after a restart, and the dwell. */
const backWithinMs = 7 * 60_000
/** What was said so long before the end of a process is durable. */
const durableAfterMs = 5_000
/** How long an outage of the database counts after its fault. */
const storageSettlesMs = 30_000

/** The peers that are no tiers, by the names of their breakers. */
const peers: ReadonlySet<string> = new Set(["kubernetes", "alertmanager"])

/** The starts of the names of faults that may make an emergency which is not seen in the breakers. */
const unseen = ["storage", "spool", "container-pressure", "operator-declares-emergency", "cluster-replaced"]
const isUnseen = (kind: string): boolean => unseen.some((start) => kind.startsWith(start))

interface Since {
  readonly level: number
  readonly sinceMs: number
}

class Level implements Checker {
  private readonly report: (message: string) => void
  private readonly tiers: ReadonlyArray<string>
  private readonly out = new Set<string>()
  /** The levels that were due in this process, and those that it said. */
  private due: Array<Since> = []
  private said: Array<Since> = []
  private process = 0
  private bootedMs = 0
  private roseMs = -Infinity
  /** When something last happened that is not seen in the breakers, or a pause ended. */
  private troubledMs = 0
  private unseenFaults = 0
  /** When the last such faults began, of those that touch each other. */
  private unseenSinceMs = 0
  /** An operator ends an emergency. */
  private isEnding = false
  /** An operator has ended an emergency, and with it what was found. */
  private isDismissed = false
  private remembers = true
  /** The level that the next process must remember. */
  private durable: number | undefined
  private readonly workedOnSinceMs = new Map<string, number>()
  /** A cluster that was replaced is found to be the right one again when it responds. */
  private clusterOutMs = 0
  private readonly standstill = new Standstill()

  constructor({ scenario }: Setting, report: (message: string) => void) {
    this.report = report
    this.tiers = scenario.investigators === undefined ? (scenario.tiers ?? []) : []
  }

  readonly on: Handlers = {
    ProcessBooted: ({ number, process }, atMs) => {
      // A second process on the same database writes its own level into it.
      if (process !== "service") return void (this.remembers = false)
      this.process = number
      this.bootedMs = atMs
      this.troubledMs = atMs
      this.out.clear()
      this.due = [{ level: 0, sinceMs: atMs }]
      this.said = []
      this.workedOnSinceMs.clear()
      this.standstill.booted()
    },
    ProcessEnded: ({ number }, atMs) => {
      const last = this.said.at(-1)
      if (number !== this.process || last === undefined) return
      const isDurable = this.unseenFaults === 0 && atMs - Math.max(last.sinceMs, this.troubledMs) > durableAfterMs
      this.durable = this.remembers && isDurable ? last.level : undefined
      // The next process does not know of a rise that could not be kept.
      const keptMs = atMs <= this.troubledMs || this.unseenFaults > 0 ? this.unseenSinceMs : atMs
      if (!isDurable && this.roseMs > keptMs - durableAfterMs) this.roseMs = -Infinity
    },
    ProcessPaused: ({ forMs, number }, atMs) => {
      if (number !== this.process) return
      this.standstill.paused(atMs, forMs)
      this.troubledMs = Math.max(this.troubledMs, atMs + forMs)
    },
    FaultBegan: ({ fault: { kind } }, atMs) => {
      if (isUnseen(kind)) {
        if (atMs > this.troubledMs && this.unseenFaults === 0) this.unseenSinceMs = atMs
        this.unseenFaults++
        this.troubledMs = atMs
      }
      if (kind === "wall-clock-jump" || kind === "process-two-owners") this.remembers = false
    },
    FaultHealed: ({ fault: { kind } }, atMs) => {
      if (!isUnseen(kind)) return
      this.unseenFaults--
      this.troubledMs = atMs + storageSettlesMs
    },
    EmergencyDeclared: ({ set }, atMs) => {
      this.isEnding = !set
      this.troubledMs = atMs
      this.isDismissed ||= !set
      this.note(atMs)
    },
    BreakerMoved: ({ breaker, to }, atMs) => {
      this.look(atMs)
      if (!this.tiers.includes(breaker) && !peers.has(breaker)) return
      if (to === "Closed" || to === "ForcedClosed") this.out.delete(breaker)
      else this.out.add(breaker)
      this.note(atMs)
    },
    LevelIs: ({ level }, atMs) => this.says(level, atMs),
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
        if (event.investigation === undefined && event.level < 3) this.troubledMs = Math.max(this.troubledMs, atMs)
        const sinceMs = this.workedOnSinceMs.get(remediationId) ?? 0
        if (this.said.length > 0 && !this.between(this.said, sinceMs, atMs).includes(event.level))
          this.report(`remediation ${remediationId} was investigated at level ${event.level}, which it never was`)
      }
    }
  }

  private get level(): number {
    if (this.tiers.length > 0 && this.out.size > 3 && !this.isDismissed) return 3
    if (this.tiers.length > 0 && this.tiers.every((tier) => this.out.has(tier))) return 2
    return this.out.has("holmesgpt") ? 1 : 0
  }

  /** Notes the level that is due from now on. */
  private note(atMs: number): void {
    if (this.due.at(-1)?.level !== this.level) this.due.push({ level: this.level, sinceMs: atMs })
  }

  private says(level: number, atMs: number): void {
    if (this.tiers.length === 0) return
    const before = this.said.at(-1)?.level
    this.said.push({ level, sinceMs: atMs })
    if (before === undefined) {
      if (this.durable !== undefined && level < this.durable)
        this.report(`a new process begins at level ${level}, and the one before it was at ${this.durable}`)
    } else if (level < before) {
      // What was found has been dismissed.
      if (before === 3 && this.isEnding) this.isEnding = false
      else this.rises(before, level, atMs)
    }
    // It may be outdated: breakers can move more than once in a moment.
    const due = Math.min(...this.between(this.due, this.standstill.since(atMs), atMs))
    if (level < due) this.report(`the service says level ${level}, and ${due} is due`)
  }

  private rises(before: number, level: number, atMs: number): void {
    // What has changed since a pause began may be seen after the rise.
    const sinceMs = this.standstill.since(atMs)
    const worst = Math.max(...this.between(this.due, Math.min(atMs - dwellMs + 1, sinceMs), sinceMs))
    if (worst > level || atMs - this.bootedMs < dwellMs)
      this.report(`the level rose from ${before} to ${level}, and ${worst} was due in the 30 seconds before`)
    if (this.remembers && atMs - this.roseMs < betweenRisesMs)
      this.report(`the level rose from ${before} to ${level}, ${atMs - this.roseMs} ms after it rose before`)
    this.roseMs = atMs
  }

  /** The levels at any moment of an interval, including one that ended in its first millisecond. */
  private between(levels: ReadonlyArray<Since>, fromMs: number, toMs: number): ReadonlyArray<number> {
    return levels
      .filter(({ sinceMs }, index) => sinceMs <= toMs && (levels[index + 1]?.sinceMs ?? Infinity) >= fromMs)
      .map(({ level }) => level)
  }

  private look(atMs: number): void {
    const now = this.due.at(-1)
    const said = this.said.at(-1)
    if (this.tiers.length === 0 || now === undefined || said === undefined) return
    if (said.level < now.level && this.standstill.isLate(now.sinceMs, atMs))
      this.report(`the service still says level ${said.level}, and ${now.level} is due since ${atMs - now.sinceMs} ms`)
    // What is found after that may be an emergency again, or be dismissed still.
    if (this.isDismissed && this.out.size > 3) this.troubledMs = atMs
    if (this.out.has("kubernetes")) this.clusterOutMs = atMs
    if (said.level <= now.level || this.unseenFaults > 0) return
    const better = this.due.findLast(({ level }) => level >= said.level)
    const sinceMs = Math.max(this.troubledMs, this.clusterOutMs, better === undefined ? 0 : this.endOf(better))
    if (atMs - sinceMs > backWithinMs) {
      this.report(
        `the level has not risen from ${said.level}, and ${now.level} or better is due for ${atMs - sinceMs} ms`
      )
      this.troubledMs = atMs
    }
  }

  private endOf(entry: Since): number {
    return this.due[this.due.indexOf(entry) + 1]?.sinceMs ?? Infinity
  }
}

export const levelFollows: Invariant = {
  name: "level-follows",
  description: "The degradation level falls at once, rises slowly and rarely, and survives restarts.",
  make: (setting, report) => new Level(setting, report)
}
