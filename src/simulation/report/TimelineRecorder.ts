/**
 * Records one run as a `Timeline`. Recording costs time, so it is done for runs that somebody wants to see. It does not
 * change the run.
 */

import type { RemediationEvent } from "../../domain/Remediation.ts"
import { hopTimes } from "../observation/HopTimes.ts"
import type { Call, CommittedEvent, Handlers, Observation, ObservedFault } from "../observation/Observation.ts"
import { Stages } from "../observation/Stages.ts"
import { changeText, durationText, eventText, hopText, tierOf } from "./EventText.ts"
import { type LaneName, laneNames, type Row, type Span, type Timeline, type Tone, type TraceLine } from "./Timeline.ts"
import { byName, getOrMake, pack, packGroups, rowsOf, Track } from "./Track.ts"

const stageTones: Readonly<Record<string, Tone>> = { queued: "dim", review: "wait", verification: "busy" }
const endTones: Readonly<Record<string, Tone>> = {
  Remediated: "good",
  RolledBack: "warn",
  Escalated: "warn",
  Cancelled: "dim",
  Observed: "dim",
  Joined: "dim"
}
const breakerTones: Readonly<Record<string, Tone>> = {
  Closed: "good",
  Open: "bad",
  HalfOpen: "warn",
  Isolated: "bad",
  ForcedClosed: "warn",
  Suspended: "bad"
}
const appliedTones = { yes: "good", no: "warn", unknown: "bad" } as const satisfies Record<string, Tone>
const levelTones: ReadonlyArray<Tone> = ["good", "wait", "warn", "bad"]
const levelLabels = ["0 full", "1 reduced AI", "2 rule-based", "3 emergency"]

const callText = ({ number, peer, purpose }: Call): string =>
  `${purpose === "probe" ? "probe" : "question"} ${number} to ${peer}`

const faultText = ({ forMs, kind, parameters }: ObservedFault): string => {
  const values = Object.entries(parameters).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return `${kind}${forMs === 0 ? "" : ` for ${durationText(forMs)}`}${values.length === 0 ? "" : `: ${values.join(", ")}`}`
}

type Write = Extract<Observation, { readonly _tag: "ClusterWrite" }>

const writeText = ({ applied, by, change, executionId, refused }: Write): string => {
  const outcome = applied === "yes" ? "took effect" : `refused${refused === undefined ? "" : ` (${refused})`}`
  return `${by}: ${changeText(change)}: ${outcome}${executionId === undefined ? "" : `, execution ${executionId}`}`
}

export class TimelineRecorder {
  readonly on: Handlers
  private readonly clock: { readonly nowMs: number; readonly steps: number }
  private readonly trace: Array<TraceLine> = []
  private readonly level = new Track()
  private readonly breakers = new Map<string, Track>()
  private readonly processes = new Map<string, Track>()
  private readonly workloads = new Map<string, Track>()
  private readonly faults = new Map<ObservedFault, Track>()
  private readonly faultKinds = new Map<string, Array<Track>>()
  private readonly remediations = new Map<string, Track>()
  private readonly hops = new Map<string, Array<Span>>()
  private readonly executions = new Map<string, Span>()
  private readonly writes: Array<Span> = []
  private readonly stages = new Stages()
  /** The names of targets, by remediation. */
  private readonly names = new Map<string, string>()
  private healingMs: number | undefined

  /** `clock` is the world of the run. */
  constructor(clock: { readonly nowMs: number; readonly steps: number }) {
    this.clock = clock
    this.on = { ...this.onWork(), ...this.onProcesses(), ...this.onFaults() }
  }

  /** The record until now. Whatever is open ends here. */
  get timeline(): Timeline {
    const { nowMs } = this.clock
    const lanes: Readonly<Record<LaneName, ReadonlyArray<Row>>> = {
      level: rowsOf([["level", this.level]], nowMs),
      breakers: rowsOf(this.breakers, nowMs),
      faults: [...this.faultKinds]
        .toSorted(([a], [b]) => byName.compare(a, b))
        .flatMap(([kind, tracks]) =>
          pack(
            kind,
            tracks.flatMap((track) => track.spansUntil(nowMs))
          )
        ),
      processes: rowsOf(this.processes, nowMs),
      alerts: packGroups(
        "remediations",
        [...this.remediations.values()].map((track) => track.spansUntil(nowMs))
      ),
      hops: [...this.hops].toSorted(([a], [b]) => byName.compare(a, b)).flatMap(([name, spans]) => pack(name, spans)),
      actions: [
        ...pack(
          "carried out",
          [...this.executions.values()].map((span) => (span.toMs === Infinity ? { ...span, toMs: nowMs } : span))
        ),
        ...pack("writes", this.writes)
      ],
      workloads: rowsOf(this.workloads, nowMs)
    }
    return {
      untilMs: nowMs,
      healingMs: this.healingMs,
      lanes: laneNames.map((name) => ({ name, rows: lanes[name] })),
      trace: this.trace
    }
  }

  private addTrace(about: string, text: string, remediation?: string): void {
    const { nowMs, steps } = this.clock
    this.trace.push({ atMs: nowMs, step: steps, about, text, ...(remediation === undefined ? {} : { remediation }) })
  }

  private onWork(): Handlers {
    return {
      AlertSent: ({ alert, firing }) =>
        this.addTrace("alerts", `${firing ? "firing" : "resolved"} ${alert.fingerprint} is sent`),
      AlertAnswered: ({ alert, firing, remediationId, status }) =>
        this.addTrace(
          "alerts",
          `${firing ? "firing" : "resolved"} ${alert.fingerprint} is answered: ${status}`,
          remediationId
        ),
      Committed: ({ events }) => {
        for (const row of events) this.committed(row)
      },
      ClusterWrite: (write) => this.written(write),
      CallBegan: ({ call }) => this.addTrace("hops", callText(call)),
      CallEnded: ({ call, ending }) => this.addTrace("hops", `${callText(call)} ended: ${ending}`),
      EmergencyStop: ({ set }) =>
        this.addTrace("processes", set ? "the emergency stop is set" : "the emergency stop is lifted"),
      ReviewAnswered: ({ answer, outcome, remediationId }) =>
        this.addTrace("alerts", `a person says ${answer}: ${outcome}`, remediationId)
    }
  }

  private onProcesses(): Handlers {
    const moveProcess = (process: string, atMs: number, tone: Tone, label: string, detail: string) =>
      getOrMake(this.processes, process, () => new Track()).move(atMs, { tone, label, detail })
    return {
      SweepBroke: () => this.addTrace("processes", "the sweep broke at the database"),
      ProcessBooted: ({ number, process }, atMs) => {
        this.addTrace("processes", `${process} #${number} boots`)
        moveProcess(process, atMs, "warn", "starting", `${process} #${number} starts`)
      },
      ProcessReady: ({ number, process }, atMs) => {
        this.addTrace("processes", `${process} #${number} is ready`)
        moveProcess(process, atMs, "good", `#${number}`, `${process} #${number} accepts requests`)
      },
      ProcessEnded: ({ how, number, process }, atMs) => {
        this.addTrace("processes", `${process} #${number} ${how}`)
        moveProcess(process, atMs, "bad", how, `${process} #${number} ${how}`)
        for (const track of this.breakers.values()) track.move(atMs, undefined)
        this.level.move(atMs, undefined)
      },
      BreakerMoved: ({ breaker, cause, from, to }, atMs) => {
        const detail = `${breaker}: ${from} → ${to} (${cause})`
        this.addTrace("breakers", detail)
        getOrMake(this.breakers, breaker, () => new Track()).move(atMs, {
          tone: breakerTones[to] ?? "dim",
          label: to,
          detail
        })
      },
      LevelIs: ({ level, reasons }, atMs) => {
        const why = reasons.length === 0 ? "" : `: ${reasons.join("; ")}`
        this.addTrace("level", `level ${level}${why}`)
        this.level.move(atMs, {
          tone: levelTones[level] ?? "bad",
          label: levelLabels[level] ?? String(level),
          detail: `level ${levelLabels[level]}${why}`
        })
      }
    }
  }

  private onFaults(): Handlers {
    return {
      WorkloadHealth: ({ healthy, ref }, atMs) => {
        const name = `${ref.namespace}/${ref.name}`
        this.addTrace("workloads", `${name} is ${healthy ? "healthy again" : "broken"}`)
        getOrMake(this.workloads, name, () => new Track()).move(
          atMs,
          healthy ? undefined : { tone: "bad", label: "broken", detail: `${name} is broken` }
        )
      },
      FaultBegan: ({ fault }, atMs) => {
        const { forMs, kind } = fault
        const detail = faultText(fault)
        this.addTrace("faults", `${detail} begins`)
        const track = new Track()
        const span = { tone: "bad", label: kind, detail } as const
        if (forMs === 0) track.point(atMs, span)
        else track.move(atMs, span)
        this.faults.set(fault, track)
        getOrMake(this.faultKinds, kind, () => []).push(track)
      },
      FaultHealed: ({ fault }, atMs) => {
        if (fault.forMs > 0) this.addTrace("faults", `${fault.kind} is over`)
        this.faults.get(fault)?.move(atMs, undefined)
      },
      HealingBegan: (_, atMs) => {
        this.addTrace("faults", "healing: from now on nothing new breaks")
        this.healingMs = atMs
      }
    }
  }

  private committed(row: CommittedEvent): void {
    const { nowMs } = this.clock
    const { event, remediationId } = row
    const text = eventText(event)
    this.addTrace("journal", `${row.kind}${text === "" ? "" : ` ${text}`}`, remediationId)
    const before = this.stages.take(row, nowMs)
    if (before === undefined && event._tag !== "Accepted") return
    if (event._tag === "Accepted" || event._tag === "Retargeted") this.names.set(remediationId, event.target.name)
    const name = this.names.get(remediationId) ?? remediationId
    this.moveRemediation(remediationId, name, event, text)
    if (event._tag === "Investigated") this.hopped(remediationId, name, event)
    else if (event._tag === "Intended") {
      const { action, executionId } = event.intent
      this.executions.set(executionId, {
        fromMs: nowMs,
        toMs: Infinity,
        tone: "busy",
        label: action.type,
        detail: `${action.type} on ${name}: ${text}`,
        remediation: remediationId
      })
    } else if (event._tag === "Executed") {
      const { applied, executionId } = event.outcome
      const span = this.executions.get(executionId)
      if (span === undefined) return
      const detail = `${span.detail}. ${text}`
      this.executions.set(executionId, { ...span, toMs: nowMs, tone: appliedTones[applied], detail })
    }
  }

  private moveRemediation(remediation: string, name: string, event: RemediationEvent, text: string): void {
    const { nowMs } = this.clock
    const track = getOrMake(this.remediations, remediation, () => new Track())
    const open = this.stages.open.get(remediation)
    if (open !== undefined) {
      const { stage } = open
      track.move(nowMs, { tone: stageTones[stage] ?? "busy", label: stage, detail: `${name}: ${stage}`, remediation })
      return
    }
    const state = event._tag === "Concluded" ? event.state : "Joined"
    const detail = `${name}: ${state}. ${text}`
    track.point(nowMs, { tone: endTones[state] ?? "dim", label: state, detail, remediation })
  }

  private hopped(
    remediation: string,
    name: string,
    { hops }: Extract<RemediationEvent, { readonly _tag: "Investigated" }>
  ): void {
    // The last one ended with the commit.
    for (const { fromMs, hop, toMs } of hopTimes(hops, this.clock.nowMs)) {
      getOrMake(this.hops, tierOf(hop), () => []).push({
        fromMs: Math.max(0, fromMs),
        toMs: Math.max(0, toMs),
        tone: hop.outcome === "answered" ? "good" : hop.outcome === "failed" ? "bad" : "dim",
        label: hop.reason ?? hop.outcome,
        detail: `${name}: ${hopText(hop)}`,
        remediation
      })
    }
  }

  private written(write: Write): void {
    const { nowMs } = this.clock
    const { applied, change } = write
    const detail = writeText(write)
    this.addTrace("actions", detail)
    const tone = applied === "yes" ? "good" : "warn"
    this.writes.push({ fromMs: nowMs, toMs: nowMs, tone, label: change._tag, detail })
  }
}
