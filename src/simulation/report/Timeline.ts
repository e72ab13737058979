/**
 * One run as something to look at: lanes of spans and points for the report, and a trace line for everything that was
 * observed.
 *
 * It is data and can be written as JSON. Recording costs time, so it is done for a run that somebody wants to see, and
 * changes nothing about it.
 */

import type { Change } from "../../domain/Change.ts"
import type { RemediationEvent } from "../../domain/Remediation.ts"
import type { CommittedEvent, Handlers, Observation } from "../observation/Observation.ts"
import { Stages } from "../observation/Stages.ts"

export const laneNames = ["level", "breakers", "faults", "processes", "alerts", "hops", "actions", "workloads"] as const
export type LaneName = (typeof laneNames)[number]

/**
 * How it looks: `good` and `bad` as the words say, `busy` for work under way, `wait` for waiting, `dim` for background.
 */
export type Tone = "good" | "busy" | "wait" | "warn" | "bad" | "dim"

export interface Span {
  readonly fromMs: number
  readonly toMs: number
  readonly tone: Tone
  /** Stands in the span where there is room. */
  readonly label: string
  readonly detail: string
  /** The remediation that it belongs to. */
  readonly remediation?: string
}

export interface Row {
  readonly label: string
  /** Not overlapping, in order of time. A span of no length is a point. */
  readonly spans: ReadonlyArray<Span>
}

export interface Lane {
  readonly name: LaneName
  readonly rows: ReadonlyArray<Row>
}

export interface TraceLine {
  readonly atMs: number
  readonly step: number
  /** A word for what it is about: the lane, or `journal`. */
  readonly about: string
  readonly text: string
  readonly remediation?: string
}

export interface Timeline {
  readonly untilMs: number
  /** When nothing new went wrong any more. */
  readonly healingMs: number | undefined
  readonly lanes: ReadonlyArray<Lane>
  readonly trace: ReadonlyArray<TraceLine>
}

const refText = ({
  kind,
  name,
  namespace
}: {
  readonly kind: string
  readonly name: string
  readonly namespace: string
}): string => `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`

const changeText = (change: Change): string =>
  change._tag === "Patch"
    ? `patch ${refText(change.ref)} at ${
        change.patch
          .map(({ path }) => path)
          .filter((path) => !path.startsWith("/metadata"))
          .join(", ") || "its metadata"
      }`
    : `${change._tag.toLowerCase()} ${refText(change.ref)}`

const secondsText = (ms: number): string =>
  ms < 60_000
    ? `${ms / 1000} s`
    : ms < 3_600_000
      ? `${Math.round(ms / 6000) / 10} min`
      : `${Math.round(ms / 360_000) / 10} h`

const hopText = (hop: {
  readonly investigator: string
  readonly provider?: string
  readonly outcome: string
  readonly reason?: string
  readonly attempts: number
  readonly durationMs: number
}) =>
  `${hop.investigator}${hop.provider === undefined ? "" : `:${hop.provider}`} ${hop.outcome}${hop.reason === undefined ? "" : ` (${hop.reason})`}, ${hop.attempts} attempt${
    hop.attempts === 1 ? "" : "s"
  }, ${Math.round(hop.durationMs)} ms`

/** What an event of the journal says, in a few words. */
const eventText = (event: RemediationEvent): string => {
  switch (event._tag) {
    case "Accepted":
      return `${event.alert.name} (${event.alert.severity}) about ${refText(event.target)}`
    case "Started":
      return `epoch ${event.epoch}`
    case "Retargeted":
      return refText(event.target)
    case "Joined":
      return `to ${event.joinedTo}`
    case "Investigated":
      return `at level ${event.level}: ${event.hops.map(hopText).join("; ") || "no hop"}`
    case "Decided":
      return `${event.decision.outcome} ${event.decision.action.type}${event.decision.reasons.length === 0 ? "" : `: ${event.decision.reasons.map(({ rule }) => rule).join(", ")}`}`
    case "Reviewed":
      return `${event.review.answer} by ${event.review.by}`
    case "Intended":
      return `${event.intent.action.type}: ${event.intent.changes.map(changeText).join("; ") || "nothing to write"}`
    case "Executed":
      return `applied: ${event.outcome.applied}${event.outcome.failure === undefined ? "" : ` (${event.outcome.failure})`}`
    case "Verified":
      return `${event.verification.verdict}: ${event.verification.reasons.join("; ")}`
    case "AlertResolved":
      return `at ${event.endsAt}`
    case "Concluded":
      return `${event.state}: ${event.reason}`
    default:
      return ""
  }
}

/** Puts spans that may overlap into as few rows as possible. */
const pack = (spans: ReadonlyArray<Span>): ReadonlyArray<ReadonlyArray<Span>> => {
  const rows: Array<Array<Span>> = []
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const free = rows.find((row) => row.at(-1)!.toMs <= span.fromMs)
    if (free === undefined) rows.push([span])
    else free.push(span)
  }
  return rows
}

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
  ForcedClosed: "warn"
}
const levelTones: ReadonlyArray<Tone> = ["good", "wait", "warn", "bad"]
const levelLabels = ["0 full", "1 reduced AI", "2 rule-based", "3 emergency"]

/** Spans of one thing that is in one state after another. */
class Track {
  readonly spans: Array<Span> = []
  private begun: Omit<Span, "toMs"> | undefined

  move(atMs: number, next: Omit<Span, "toMs" | "fromMs"> | undefined): void {
    // A state that was left in the moment in which it was entered can't be seen.
    if (this.begun !== undefined && atMs > this.begun.fromMs) this.spans.push({ ...this.begun, toMs: atMs })
    this.begun = next === undefined ? undefined : { ...next, fromMs: atMs }
  }

  /** Something that happened in a moment. */
  point(atMs: number, what: Omit<Span, "toMs" | "fromMs">): void {
    this.move(atMs, undefined)
    this.spans.push({ ...what, fromMs: atMs, toMs: atMs })
  }

  get isOpen(): boolean {
    return this.begun !== undefined
  }
}

const trackIn = (tracks: Map<string, Track>, name: string): Track => {
  const known = tracks.get(name)
  if (known !== undefined) return known
  const track = new Track()
  tracks.set(name, track)
  return track
}

/** Records one run. */
export class TimelineRecorder {
  readonly on: Handlers
  private readonly clock: { readonly nowMs: number; readonly steps: number }
  private readonly trace: Array<TraceLine> = []
  private readonly level = new Track()
  private readonly breakers = new Map<string, Track>()
  private readonly processes = new Map<string, Track>()
  private readonly workloads = new Map<string, Track>()
  private readonly faults = new Map<object, Track>()
  private readonly remediations = new Map<string, Track>()
  private readonly hops = new Map<string, Array<Span>>()
  private readonly executions = new Map<string, Span>()
  private readonly writes: Array<Span> = []
  private readonly faultKinds = new Map<string, Array<Track>>()
  private readonly stages = new Stages()
  private readonly names = new Map<string, string>()
  private healingMs: number | undefined

  /** `clock` is the world of the run. */
  constructor(clock: { readonly nowMs: number; readonly steps: number }) {
    this.clock = clock
    this.on = {
      AlertSent: ({ alert, firing }) =>
        this.tell("alerts", `${firing ? "firing" : "resolved"} ${alert.fingerprint} is sent`),
      AlertAnswered: ({ alert, firing, remediationId, status }) =>
        this.tell(
          "alerts",
          `${firing ? "firing" : "resolved"} ${alert.fingerprint} is answered: ${status}`,
          remediationId
        ),
      Committed: ({ events }) => {
        for (const row of events) this.committed(row)
      },
      ClusterWrite: (write) => this.write(write),
      WorkloadHealth: ({ healthy, ref }, atMs) => {
        const name = `${ref.namespace}/${ref.name}`
        this.tell("workloads", `${name} ${healthy ? "serves again" : "does not serve"}`)
        trackIn(this.workloads, name).move(
          atMs,
          healthy ? undefined : { tone: "bad", label: "broken", detail: `${name} does not serve as it should` }
        )
      },
      CallBegan: ({ call }) =>
        this.tell("hops", `${call.purpose === "probe" ? "probe" : "question"} ${call.number} to ${call.peer}`),
      CallEnded: ({ call, ending }) =>
        this.tell(
          "hops",
          `${call.purpose === "probe" ? "probe" : "question"} ${call.number} to ${call.peer} ended: ${ending}`
        ),
      ReviewAnswered: ({ answer, outcome, remediationId }) =>
        this.tell("alerts", `a person says ${answer}: ${outcome}`, remediationId),
      SweepBroke: () => this.tell("processes", "the sweep broke at the database"),
      ProcessBooted: ({ number, process }, atMs) => {
        this.tell("processes", `${process} #${number} boots`)
        trackIn(this.processes, process).move(atMs, {
          tone: "warn",
          label: "starting",
          detail: `${process} #${number} starts`
        })
      },
      ProcessReady: ({ number, process }, atMs) => {
        this.tell("processes", `${process} #${number} is ready`)
        trackIn(this.processes, process).move(atMs, {
          tone: "good",
          label: `#${number}`,
          detail: `${process} #${number} can be spoken to`
        })
      },
      ProcessEnded: ({ how, number, process }, atMs) => {
        this.tell("processes", `${process} #${number} ${how}`)
        trackIn(this.processes, process).move(atMs, { tone: "bad", label: how, detail: `${process} #${number} ${how}` })
        for (const track of this.breakers.values()) track.move(atMs, undefined)
        this.level.move(atMs, undefined)
      },
      BreakerMoved: ({ breaker, cause, from, to }, atMs) => {
        this.tell("breakers", `${breaker}: ${from} → ${to} (${cause})`)
        trackIn(this.breakers, breaker).move(atMs, {
          tone: breakerTones[to] ?? "dim",
          label: to,
          detail: `${breaker}: ${from} → ${to} (${cause})`
        })
      },
      LevelIs: ({ level, reasons }, atMs) => {
        const why = reasons.length === 0 ? "" : `: ${reasons.join("; ")}`
        this.tell("level", `level ${level}${why}`)
        this.level.move(atMs, {
          tone: levelTones[level] ?? "bad",
          label: levelLabels[level] ?? String(level),
          detail: `level ${levelLabels[level]}${why}`
        })
      },
      FaultBegan: ({ fault }, atMs) => {
        const parameters = Object.entries(fault.parameters)
          .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
          .join(", ")
        const detail = `${fault.kind}${fault.forMs === 0 ? "" : ` for ${secondsText(fault.forMs)}`}${parameters === "" ? "" : `: ${parameters}`}`
        this.tell("faults", `${detail} begins`)
        const track = new Track()
        const what = { tone: "bad", label: fault.kind, detail } as const
        if (fault.forMs === 0) track.point(atMs, what)
        else track.move(atMs, what)
        this.faults.set(fault, track)
        const known = this.faultKinds.get(fault.kind)
        if (known === undefined) this.faultKinds.set(fault.kind, [track])
        else known.push(track)
      },
      FaultHealed: ({ fault }, atMs) => {
        if (fault.forMs > 0) this.tell("faults", `${fault.kind} is over`)
        this.faults.get(fault)?.move(atMs, undefined)
      },
      HealingBegan: (_, atMs) => {
        this.tell("faults", "from now on nothing new goes wrong")
        this.healingMs = atMs
      }
    }
  }

  /** What was recorded until now; whatever is open ends here. */
  get timeline(): Timeline {
    const { nowMs } = this.clock
    const rows = (tracks: Iterable<readonly [string, Track]>): ReadonlyArray<Row> =>
      [...tracks]
        .map(([label, track]) => ({ label, spans: closed(track, nowMs) }))
        .filter(({ spans }) => spans.length > 0)
        .toSorted((a, b) => byName.compare(a.label, b.label))
    const packed = (label: string, spans: ReadonlyArray<Span>): ReadonlyArray<Row> =>
      pack(spans).map((row, index) => ({ label: index === 0 ? label : "", spans: row }))
    const lanes: Readonly<Record<LaneName, ReadonlyArray<Row>>> = {
      level: rows([["level", this.level]]),
      breakers: rows(this.breakers),
      faults: [...this.faultKinds]
        .toSorted(([a], [b]) => byName.compare(a, b))
        .flatMap(([kind, tracks]) =>
          packed(
            kind,
            tracks.flatMap((track) => closed(track, nowMs))
          )
        ),
      processes: rows(this.processes),
      alerts: packAll(
        "remediations",
        [...this.remediations.values()].map((track) => closed(track, nowMs))
      ),
      hops: [...this.hops].toSorted(([a], [b]) => byName.compare(a, b)).flatMap(([name, spans]) => packed(name, spans)),
      actions: [
        ...packed(
          "carried out",
          [...this.executions.values()].map((span) => (span.toMs === Infinity ? { ...span, toMs: nowMs } : span))
        ),
        ...packed("writes", this.writes)
      ],
      workloads: rows(this.workloads)
    }
    return {
      untilMs: nowMs,
      healingMs: this.healingMs,
      lanes: laneNames.map((name) => ({ name, rows: lanes[name] })),
      trace: this.trace
    }
  }

  private tell(about: string, text: string, remediation?: string): void {
    const { nowMs, steps } = this.clock
    this.trace.push({ atMs: nowMs, step: steps, about, text, ...(remediation === undefined ? {} : { remediation }) })
  }

  private committed(row: CommittedEvent): void {
    const { nowMs } = this.clock
    const { event, remediationId } = row
    const text = eventText(event)
    this.tell("journal", `${row.kind}${text === "" ? "" : ` ${text}`}`, remediationId)
    const before = this.stages.take(row, nowMs)
    if (before === undefined && event._tag !== "Accepted") return
    if (event._tag === "Accepted" || event._tag === "Retargeted") this.names.set(remediationId, event.target.name)
    const name = this.names.get(remediationId) ?? remediationId
    const track = trackIn(this.remediations, remediationId)
    const open = this.stages.open.get(remediationId)
    if (open !== undefined) {
      track.move(nowMs, {
        tone: stageTones[open.stage] ?? "busy",
        label: open.stage,
        detail: `${name}: ${open.stage}`,
        remediation: remediationId
      })
    } else {
      const state = event._tag === "Concluded" ? event.state : "Joined"
      track.point(nowMs, {
        tone: endTones[state] ?? "dim",
        label: state,
        detail: `${name}: ${state}. ${text}`,
        remediation: remediationId
      })
    }
    if (event._tag === "Investigated") this.hopped(remediationId, name, event, nowMs)
    else if (event._tag === "Intended") {
      const { action, executionId } = event.intent
      const detail = `${action.type} on ${name}: ${text}`
      this.executions.set(executionId, {
        fromMs: nowMs,
        toMs: Infinity,
        tone: "busy",
        label: action.type,
        detail,
        remediation: remediationId
      })
    } else if (event._tag === "Executed") {
      const { applied, executionId } = event.outcome
      const span = this.executions.get(executionId)
      if (span !== undefined)
        this.executions.set(executionId, {
          ...span,
          toMs: nowMs,
          tone: applied === "yes" ? "good" : applied === "no" ? "warn" : "bad",
          detail: `${span.detail}. ${text}`
        })
    }
  }

  private hopped(
    remediation: string,
    name: string,
    { hops }: Extract<RemediationEvent, { readonly _tag: "Investigated" }>,
    nowMs: number
  ): void {
    // The journal says how long each took; the last one ended with the commit.
    let toMs = nowMs
    for (const hop of hops.toReversed()) {
      const fromMs = Math.max(0, toMs - hop.durationMs)
      const tier = `${hop.investigator}${hop.provider === undefined ? "" : `:${hop.provider}`}`
      const span: Span = {
        fromMs,
        toMs,
        tone: hop.outcome === "answered" ? "good" : hop.outcome === "failed" ? "bad" : "dim",
        label: hop.reason ?? hop.outcome,
        detail: `${name}: ${hopText(hop)}`,
        remediation
      }
      const known = this.hops.get(tier)
      if (known === undefined) this.hops.set(tier, [span])
      else known.push(span)
      toMs = fromMs
    }
  }

  private write({
    applied,
    by,
    change,
    executionId,
    refused
  }: Extract<Observation, { readonly _tag: "ClusterWrite" }>): void {
    const { nowMs } = this.clock
    const detail = `${by}: ${changeText(change)}: ${applied === "yes" ? "took effect" : `refused${refused === undefined ? "" : ` (${refused})`}`}${executionId === undefined ? "" : `, execution ${executionId}`}`
    this.tell("actions", detail)
    this.writes.push({
      fromMs: nowMs,
      toMs: nowMs,
      tone: applied === "yes" ? "good" : "warn",
      label: change._tag,
      detail
    })
  }
}

const byName = new Intl.Collator("en", { numeric: true })

const closed = (track: Track, nowMs: number): ReadonlyArray<Span> => {
  if (track.isOpen) track.move(nowMs, undefined)
  return track.spans
}

/** Whole remediations side by side: the spans of one stay in one row. */
const packAll = (label: string, groups: ReadonlyArray<ReadonlyArray<Span>>): ReadonlyArray<Row> => {
  const rows: Array<Array<Span>> = []
  for (const group of groups.filter((spans) => spans.length > 0).toSorted((a, b) => a[0]!.fromMs - b[0]!.fromMs)) {
    // A gap of a moment, so that the end of one can be told from the beginning of the next.
    const free = rows.find((row) => row.at(-1)!.toMs + 1000 < group[0]!.fromMs)
    if (free === undefined) rows.push([...group])
    else free.push(...group)
  }
  return rows.map((spans, index) => ({ label: index === 0 ? label : "", spans }))
}
