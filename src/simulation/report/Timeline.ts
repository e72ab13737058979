/**
 * One run as data for the report: lanes of spans and points, and a trace line for everything that was observed. It can
 * be written as JSON.
 */

/** The lanes, from top to bottom. */
export const laneNames = ["level", "breakers", "faults", "processes", "alerts", "hops", "actions", "workloads"] as const
/** The name of a lane, one of `laneNames`. */
export type LaneName = (typeof laneNames)[number]

/** The colour of a span: `busy` for work in progress, `wait` for waiting, `dim` for background. */
export type Tone = "good" | "busy" | "wait" | "warn" | "bad" | "dim"

/** A state that lasted for some time, or a moment. Times are milliseconds since the run began. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
  readonly tone: Tone
  /** Shown in the span where it fits. */
  readonly label: string
  readonly detail: string
  /** The id of the remediation that the span belongs to. */
  readonly remediation?: string
}

/** One line of a lane. */
export interface Row {
  readonly label: string
  /** In order of time, without overlap. A span of length 0 is a point. */
  readonly spans: ReadonlyArray<Span>
}

/** All rows that answer one question: which breakers were open, which faults were active. */
export interface Lane {
  readonly name: LaneName
  readonly rows: ReadonlyArray<Row>
}

/** One observation, as text. */
export interface TraceLine {
  readonly atMs: number
  readonly step: number
  /** The lane that it belongs to, or `journal`. */
  readonly about: string
  readonly text: string
  readonly remediation?: string
}

/** What `TimelineRecorder` records of one run. */
export interface Timeline {
  readonly untilMs: number
  /** When healing began: from then on nothing new goes wrong. */
  readonly healingMs: number | undefined
  readonly lanes: ReadonlyArray<Lane>
  readonly trace: ReadonlyArray<TraceLine>
}
