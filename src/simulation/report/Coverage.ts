/**
 * What a run has exercised: which fault hit which stage, between which journal events the service crashed, which
 * transitions happened, and marks of what should happen _sometimes_. A thousand runs without a violation prove nothing
 * about a path that none of them took.
 *
 * Coverage is a sum: `merge` adds that of several runs, in any order.
 */

import type { RemediationState } from "../../domain/Remediation.ts"
import type { FaultKind } from "../faults/FaultKind.ts"
import type { CommittedEvent, Handlers, Observation } from "../observation/Observation.ts"
import { type Stage, Stages } from "../observation/Stages.ts"

type Counts = Readonly<Record<string, number>>

/** The coverage of one run or, after `merge`, of several. Each field counts events by name. */
export interface Coverage {
  /** Faults that began, by kind. */
  readonly faults: Counts
  /**
   * By kind and stage: how many faults were active while a remediation was in that stage. `idle`: while no remediation
   * was open.
   */
  readonly faultStages: Readonly<Record<string, Counts>>
  /**
   * Ends of the service's process, by the journal events before and after it: `Intended … Executed`. Counted once for
   * each open remediation.
   */
  readonly crashPoints: Counts
  /** State transitions, such as `Investigating → Executing`. */
  readonly remediations: Counts
  /** `kubernetes: Closed → Open`. */
  readonly breakers: Counts
  /** `0 → 1`. */
  readonly levels: Counts
  /** See `sometimes`. */
  readonly marks: Counts
}

/** The coverage of no run: the neutral element of `merge`. */
export const empty: Coverage = {
  faults: {},
  faultStages: {},
  crashPoints: {},
  remediations: {},
  breakers: {},
  levels: {},
  marks: {}
}

/** What should happen in some run of any sufficiently large number of runs, unless it `needs` a fault that it has not. */
export const sometimes = {
  "ends-remediated": "a remediation ends as Remediated",
  "ends-escalated": "a remediation ends as Escalated",
  "alert-joined": "an alert joins a remediation that is under way",
  "alert-told-twice": "an alert is sent again that the service knows already",
  "write-refused": "the cluster refuses a write",
  "write-unacknowledged": "the service ends between a write that took effect and the event that says so",
  "crash-with-work": "the service ends while a remediation is open",
  "crash-while-idle": "the service ends while no remediation is open",
  "restart-in-fault": "the service starts while a fault is active",
  "two-faults-at-once": "two faults of different kinds are active at once",
  "breaker-opened": "a circuit breaker opens",
  "breaker-closed-again": "a circuit breaker closes again after it was half open",
  "alert-spooled": "an alert is acknowledged that only the spool has",
  "cut-off": "the service says that no peer answers",
  "probe-lied": "a call to a model fails, and the probe before it succeeded, or the other way round",
  "emergency-by-pressure": "it is an emergency because the container is full",
  "emergency-declared": "it is an emergency because an operator has declared one",
  "emergency-ended": "the level rises because an operator has ended an emergency",
  "pipeline-silent": "the alert that always fires is missed",
  "alertmanager-out": "the circuit breaker of Alertmanager opens"
} as const satisfies Readonly<Record<string, string>>
/** A name in `sometimes`. */
export type Mark = keyof typeof sometimes

/** The kind of fault without which a mark does not happen. Others happen in every scenario. */
const needs: Readonly<Partial<Record<Mark, string>>> = {
  "alert-spooled": "storage-full",
  "cut-off": "total-isolation",
  "probe-lied": "probes-lie",
  "emergency-by-pressure": "container-pressure",
  "emergency-declared": "operator-declares-emergency",
  "emergency-ended": "operator-declares-emergency",
  "pipeline-silent": "prometheus-silent",
  "alertmanager-out": "alertmanager-away"
}

/** The marks that may happen with these faults. */
export const marksWith = (faults: (kind: string) => boolean): ReadonlyArray<Mark> =>
  (Object.keys(sometimes) as Array<Mark>).filter((mark) => {
    const needed = needs[mark]
    return needed === undefined || faults(needed)
  })

const addTo = (counts: Record<string, number>, key: string): void => {
  counts[key] = (counts[key] ?? 0) + 1
}

const sum = (left: Counts, right: Counts): Counts =>
  Object.fromEntries(
    [...new Set([...Object.keys(left), ...Object.keys(right)])]
      .toSorted()
      .map((key) => [key, (left[key] ?? 0) + (right[key] ?? 0)])
  )

/** The sum of two coverages: all counts are added. */
export const merge = (left: Coverage, right: Coverage): Coverage => ({
  faults: sum(left.faults, right.faults),
  faultStages: Object.fromEntries(
    [...new Set([...Object.keys(left.faultStages), ...Object.keys(right.faultStages)])]
      .toSorted()
      .map((kind) => [kind, sum(left.faultStages[kind] ?? {}, right.faultStages[kind] ?? {})])
  ),
  crashPoints: sum(left.crashPoints, right.crashPoints),
  remediations: sum(left.remediations, right.remediations),
  breakers: sum(left.breakers, right.breakers),
  levels: sum(left.levels, right.levels),
  marks: sum(left.marks, right.marks)
})

/** As `Remediation.evolve`, but it parses only what it needs, because it is part of every run. */
const stateAfter = (row: CommittedEvent, before: RemediationState = "Received"): RemediationState => {
  switch (row.kind) {
    case "Accepted":
      return "Received"
    case "Started":
      return before === "Received" ? "Investigating" : before
    case "Decided":
      return row.event._tag === "Decided" && row.event.decision.outcome === "review" ? "AwaitingReview" : before
    case "Reviewed":
    case "ReviewTimedOut":
      return "Investigating"
    case "Intended":
      return "Executing"
    case "Executed":
      return "Verifying"
    case "Joined":
      return "Joined"
    case "Concluded":
      return row.event._tag === "Concluded" ? row.event.state : before
    default:
      return before
  }
}

/** The stages in which each kind of fault should meet work at least. */
const essential: ReadonlyArray<Stage> = ["investigation", "execution", "verification"]

/**
 * What runs with these kinds should have covered and have not, each as a sentence; empty when nothing is missing. Only
 * a warning: a few seeds cannot cover everything.
 */
export const missing = (coverage: Coverage, kinds: ReadonlyArray<FaultKind>): ReadonlyArray<string> => {
  const never = kinds.filter(({ name }) => coverage.faults[name] === undefined).map(({ name }) => name)
  const away = kinds
    .filter(({ name }) => coverage.faults[name] !== undefined)
    .flatMap(({ name }) => {
      const stages = essential.filter((stage) => coverage.faultStages[name]?.[stage] === undefined)
      return stages.length === 0 ? [] : [`${name} never met work in ${stages.join(", ")}`]
    })
  const unmarked = marksWith((needed) => kinds.some(({ name }) => name === needed))
    .filter((mark) => coverage.marks[mark] === undefined)
    .map((mark) => `never seen: ${sometimes[mark]}`)
  return [...(never.length === 0 ? [] : [`never happened: ${never.join(", ")}`]), ...away, ...unmarked]
}

/** Builds the coverage of one run. Subscribe `on` before the run; read `coverage` after it. */
export class CoverageRecorder {
  readonly on: Handlers
  private readonly counts = {
    faults: {} as Record<string, number>,
    faultStages: {} as Record<string, Record<string, number>>,
    crashPoints: {} as Record<string, number>,
    remediations: {} as Record<string, number>,
    breakers: {} as Record<string, number>,
    levels: {} as Record<string, number>,
    marks: {} as Record<string, number>
  }
  private readonly stages = new Stages()
  private readonly states = new Map<string, RemediationState>()
  /** The active faults, with the stages for which each was counted. */
  private readonly active = new Map<object, { readonly kind: string; readonly met: Set<string> }>()
  /** The last event of each remediation before the service ended, until its next event. */
  private readonly crashedAfter = new Map<string, string>()
  /** Executions that have written but not journaled it. */
  private readonly unacknowledged = new Set<string>()
  private level = 0
  /** How the last probe of each peer ended. */
  private readonly probed = new Map<string, "good" | "bad">()
  /** An operator ends an emergency. */
  private isEnding = false

  constructor() {
    this.on = {
      FaultBegan: ({ fault }) => {
        addTo(this.counts.faults, fault.kind)
        const met = new Set<string>()
        this.active.set(fault, { kind: fault.kind, met })
        const current = this.stages.current
        if (current.size === 0) this.meet(fault.kind, met, "idle")
        for (const stage of current) this.meet(fault.kind, met, stage)
        if (new Set([...this.active.values()].map(({ kind }) => kind)).size > 1) this.mark("two-faults-at-once")
      },
      FaultHealed: ({ fault }) => void this.active.delete(fault),
      Committed: ({ events }, atMs) => {
        for (const row of events) this.take(row, atMs)
      },
      ClusterWrite: ({ applied, executionId }) => {
        if (applied === "no") this.mark("write-refused")
        else if (executionId !== undefined) this.unacknowledged.add(executionId)
      },
      AlertAnswered: ({ spooled, status }) => {
        if (status === "duplicate") this.mark("alert-told-twice")
        if (spooled === true) this.mark("alert-spooled")
      },
      ProcessReady: ({ process }) => {
        if (process === "service" && this.active.size > 0) this.mark("restart-in-fault")
      },
      ProcessEnded: ({ process }) => {
        if (process === "service") this.serviceEnded()
      },
      BreakerMoved: ({ breaker, from, to }) => {
        addTo(this.counts.breakers, `${breaker}: ${from} → ${to}`)
        if (to === "Open") this.mark(breaker === "alertmanager" ? "alertmanager-out" : "breaker-opened")
        if (from === "HalfOpen" && to === "Closed") this.mark("breaker-closed-again")
      },
      LevelIs: (status) => this.levelIs(status),
      EmergencyDeclared: ({ set }) => {
        this.isEnding = !set
      },
      HealthIs: ({ check, status }) => {
        if (check === "watchdog" && status === "unhealthy") this.mark("pipeline-silent")
      },
      CallEnded: ({ call: { peer, purpose }, ending }) => {
        if (ending !== "good" && ending !== "bad") return
        const other = this.probed.get(peer)
        if (purpose === "probe") this.probed.set(peer, ending)
        else if (other !== undefined && other !== ending && this.lies()) this.mark("probe-lied")
      }
    }
  }

  get coverage(): Coverage {
    return merge(empty, this.counts)
  }

  private mark(mark: Mark): void {
    addTo(this.counts.marks, mark)
  }

  private lies(): boolean {
    return [...this.active.values()].some(({ kind }) => kind === "probes-lie")
  }

  private levelIs({ isCutOff, level, reasons }: Extract<Observation, { readonly _tag: "LevelIs" }>): void {
    if (level !== this.level) addTo(this.counts.levels, `${this.level} → ${level}`)
    if (isCutOff === true) this.mark("cut-off")
    if (level === 3 && reasons.some((reason) => /^(CPU|memory) is /.test(reason))) this.mark("emergency-by-pressure")
    if (level === 3 && reasons.some((reason) => reason.includes("has declared an emergency")))
      this.mark("emergency-declared")
    if (level < this.level && this.isEnding) this.mark("emergency-ended")
    if (level < 3) this.isEnding = false
    this.level = level
  }

  private meet(kind: string, met: Set<string>, stage: string): void {
    if (met.has(stage)) return
    met.add(stage)
    addTo((this.counts.faultStages[kind] ??= {}), stage)
  }

  private serviceEnded(): void {
    this.mark(this.stages.open.size === 0 ? "crash-while-idle" : "crash-with-work")
    for (const [id, { lastEvent }] of this.stages.open) this.crashedAfter.set(id, lastEvent)
    if (this.unacknowledged.size > 0) this.mark("write-unacknowledged")
    this.unacknowledged.clear()
    // A new process begins at level 0 without reporting a change.
    this.level = 0
  }

  private take(row: CommittedEvent, atMs: number): void {
    const { kind, remediationId } = row
    if (this.stages.take(row, atMs) === undefined && kind !== "Accepted") return
    const stage = this.stages.open.get(remediationId)?.stage
    if (stage !== undefined) for (const { kind, met } of this.active.values()) this.meet(kind, met, stage)

    const crashedAfter = this.crashedAfter.get(remediationId)
    if (crashedAfter !== undefined) {
      this.crashedAfter.delete(remediationId)
      addTo(this.counts.crashPoints, `${crashedAfter} … ${kind}`)
    }

    const before = this.states.get(remediationId)
    const state = stateAfter(row, before)
    if (state !== before) addTo(this.counts.remediations, `${before ?? "·"} → ${state}`)
    if (stage === undefined) this.states.delete(remediationId)
    else this.states.set(remediationId, state)

    if (state === "Joined") this.mark("alert-joined")
    else if (state === "Remediated") this.mark("ends-remediated")
    else if (state === "Escalated") this.mark("ends-escalated")
    if (kind === "Executed" && this.unacknowledged.size > 0 && row.event._tag === "Executed")
      this.unacknowledged.delete(row.event.outcome.executionId)
  }
}
