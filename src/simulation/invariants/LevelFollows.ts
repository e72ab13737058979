/**
 * The degradation level is what the breakers of the models say: HolmesGPT out is 1, all out is 2, else 0.
 *
 * A tier is out from the moment its breaker opens until it closes. The service may say so a moment later; two things that it does at later moments with a
 * level that is not due are one too many. What a remediation was investigated at must be a level that was due while it was worked on.
 *
 * Not judged where a scenario brings investigators of its own, nor what was worked on while there was a second process, which has a level of its own.
 */
import type { Setting } from "../FarEnd.ts"
import type { Checker, Invariant } from "../Invariant.ts"
import type { Handlers } from "../Observation.ts"

const slackMs = 1_000

class Level implements Checker {
  private readonly report: (message: string) => void
  private readonly tiers: ReadonlyArray<string>
  private readonly out = new Set<string>()
  /** Which level was due since when, in this process. */
  private due: Array<{ readonly level: number; readonly sinceMs: number }> = []
  private process = 0
  private said: number | undefined
  private late: number | undefined
  private readonly workedOnSinceMs = new Map<string, number>()
  /** Until when there was a second process, whose level nobody knows. */
  private rivalUntilMs = -1

  constructor({ scenario }: Setting, report: (message: string) => void) {
    this.report = report
    this.tiers = scenario.investigators === undefined ? scenario.tiers ?? [] : []
  }

  readonly on: Handlers = {
    ProcessBooted: ({ number }, atMs) => {
      this.process = number
      this.out.clear()
      this.due = [{ level: 0, sinceMs: atMs }]
      this.said = undefined
      this.late = undefined
      this.workedOnSinceMs.clear()
    },
    BreakerMoved: ({ breaker, to }, atMs) => {
      this.look(atMs)
      if (!this.tiers.includes(breaker)) return
      if (to === "Closed" || to === "ForcedClosed") this.out.delete(breaker)
      else this.out.add(breaker)
      const level = this.level
      if (this.now?.level !== level) this.due.push({ level, sinceMs: atMs })
      this.late = undefined
    },
    LevelIs: ({ level }, atMs) => {
      this.said = level
      this.late = undefined
      // It may be of a moment ago: breakers can move more than once in one.
      if (this.tiers.length > 0 && !this.dueBetween(atMs, atMs).includes(level)) this.report(`the service says level ${level}, and ${this.level} is due`)
    },
    FaultBegan: ({ fault }) => {
      if (fault.kind.includes("owners")) this.rivalUntilMs = Infinity
    },
    // A little longer: what it had committed last.
    FaultHealed: ({ fault }, atMs) => {
      if (fault.kind.includes("owners")) this.rivalUntilMs = atMs + slackMs
    },
    CallBegan: ({ call }, atMs) => {
      if (call.process === this.process) this.look(atMs)
    },
    Committed: ({ events }, atMs) => {
      this.look(atMs)
      for (const { event, kind, remediationId } of events) {
        if (kind === "Started" || kind === "Reviewed") this.workedOnSinceMs.set(remediationId, atMs)
        if (kind !== "Investigated" || event._tag !== "Investigated" || this.tiers.length === 0) continue
        const sinceMs = this.workedOnSinceMs.get(remediationId) ?? 0
        if (sinceMs > this.rivalUntilMs && !this.dueBetween(sinceMs, atMs).includes(event.level)) this.report(`remediation ${remediationId} was investigated at level ${event.level}, which was not due`)
      }
    }
  }

  private get now(): { readonly level: number; readonly sinceMs: number } | undefined {
    return this.due[this.due.length - 1]
  }

  private get level(): number {
    if (this.tiers.length > 0 && this.tiers.every((tier) => this.out.has(tier))) return 2
    return this.out.has("holmesgpt") ? 1 : 0
  }

  /** What was due at any moment of a time, the one that ended in its first millisecond included. */
  private dueBetween(fromMs: number, toMs: number): ReadonlyArray<number> {
    return this.due.filter(({ sinceMs }, index) => sinceMs <= toMs && (this.due[index + 1]?.sinceMs ?? Infinity) >= fromMs).map(({ level }) => level)
  }

  private look(atMs: number): void {
    const now = this.now
    if (this.tiers.length === 0 || now === undefined || this.said === undefined) return
    if (this.said === now.level || atMs - now.sinceMs < slackMs) return
    // After a pause all that was due comes at once in any order: only the second time is it late.
    if (this.late !== undefined && this.late < atMs) this.report(`the service still says level ${this.said}, and ${now.level} is due since ${atMs - now.sinceMs} ms`)
    this.late ??= atMs
  }
}

export const levelFollows: Invariant = {
  name: "level-follows",
  description: "The degradation level is what the breakers of the models say.",
  make: (setting, report) => new Level(setting, report)
}
