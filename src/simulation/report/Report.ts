/**
 * One run as a self-contained HTML page, to open, mail, or attach to an issue.
 *
 * Each lane of the timeline answers one question of an incident review: the level, the open breakers, the active
 * faults, the running processes, the alerts, who investigated, what was done, and which workloads were broken. Zoom and
 * scroll are plain HTML and CSS; a small script adds tooltips, the mouse wheel, and the selection of one incident.
 */

import type { FaultPlan } from "../faults/FaultPlan.ts"
import { stages } from "../observation/Stages.ts"
import { describe } from "../run/Failure.ts"
import type { SeedOutcome } from "../run/Runner.ts"
import * as Availability from "./Availability.ts"
import type { Coverage } from "./Coverage.ts"
import { script, style } from "./ReportPage.ts"
import type { Lane, LaneName, Row, Span, Timeline } from "./Timeline.ts"

/** What the page shows. */
export interface ReportOptions {
  /** A recorded run. */
  readonly outcome: SeedOutcome & { readonly timeline: Timeline }
  /** The name of the scenario, for the heading. */
  readonly scenario: string
  /** The command that reproduces the run. */
  readonly replay: string
  /** The fewest faults that still fail, where the plan was shrunk. */
  readonly shrunk?: FaultPlan
  /** The part of the run to show. Default: all of it, or the last day of a longer run. */
  readonly window?: Window
}

interface Window {
  readonly fromMs: number
  readonly toMs: number
}

const dayMs = 24 * 3_600_000

/** The maximum number of trace lines on the page. `--replay` prints all. */
const mostTraceLines = 6_000

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}
const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? character)

const titles: Readonly<Record<LaneName, readonly [title: string, note: string]>> = {
  level: ["Level", ""],
  breakers: ["Breakers", ""],
  faults: ["Faults", "injected"],
  processes: ["Processes", ""],
  alerts: ["Alerts", "and remediations"],
  hops: ["Hops", ""],
  actions: ["Actions", "on the cluster"],
  workloads: ["Workloads", "while broken"]
}

const number = (value: number): string => value.toLocaleString("en-US")

/** A rounded duration, such as `2 h`. */
const length = (ms: number): string =>
  ms >= 2 * dayMs
    ? `${Math.round((ms / dayMs) * 10) / 10} days`
    : ms >= 3_600_000
      ? `${Math.round(ms / 360_000) / 10} h`
      : `${Math.round(ms / 6_000) / 10} min`

const clock = (ms: number): string => {
  const two = (value: number) => String(Math.floor(value)).padStart(2, "0")
  const days = ms >= dayMs ? `${Math.floor(ms / dayMs)}d ` : ""
  return `${days}${two((ms / 3_600_000) % 24)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(Math.floor(ms % 1000)).padStart(3, "0")}`
}

const percent = (atMs: number, { fromMs, toMs }: Window): string =>
  `${Math.round(((atMs - fromMs) / Math.max(1, toMs - fromMs)) * 1e6) / 1e4}%`

const spanHtml = (span: Span, window: Window): string => {
  const fromMs = Math.max(span.fromMs, window.fromMs)
  const toMs = Math.min(span.toMs, window.toMs)
  if (toMs < window.fromMs || fromMs > window.toMs) return ""
  const isPoint = span.toMs === span.fromMs
  const width = isPoint ? "" : `;width:${percent(window.fromMs + toMs - fromMs, window)}`
  const remediation = span.remediation === undefined ? "" : ` data-r="${escape(span.remediation)}"`
  return `<div class="s ${span.tone}${isPoint ? " p" : ""}" style="left:${percent(fromMs, window)}${width}" title="${escape(span.detail)}" data-f="${span.fromMs}" data-t="${span.toMs}"${remediation}>${
    isPoint ? "" : `<b>${escape(span.label)}</b>`
  }</div>`
}

const rowHtml = (row: Row, window: Window): string =>
  `<div class="row"><div class="name" title="${escape(row.label)}">${escape(row.label)}</div><div class="track">${row.spans.map((span) => spanHtml(span, window)).join("")}</div></div>`

const laneHtml = (lane: Lane, window: Window): string => {
  const [title, note] = titles[lane.name]
  // Empty rows are omitted, but a lane is always shown: that nothing happened is information.
  const rows = lane.rows.filter(({ spans }) =>
    spans.some(({ fromMs, toMs }) => toMs >= window.fromMs && fromMs <= window.toMs)
  )
  const content =
    rows.length === 0
      ? `<div class="row"><div class="name">none</div><div class="track"></div></div>`
      : rows.map((row) => rowHtml(row, window)).join("\n")
  return `<section class="lane" data-lane="${lane.name}"><div class="title">${title} <em>${note}</em></div>\n${content}</section>`
}

const guides = ({ outcome }: ReportOptions, window: Window): string => {
  const { healingMs } = outcome.timeline
  const healing =
    healingMs === undefined || healingMs > window.toMs
      ? ""
      : `<i class="healing" style="left:${percent(Math.max(healingMs, window.fromMs), window)}"></i>`
  const violations = outcome.violations.filter(({ atMs }) => atMs >= window.fromMs && atMs <= window.toMs)
  return `<div class="guides">${healing}${violations.map(({ atMs }) => `<i class="violation" style="left:${percent(atMs, window)}"></i>`).join("")}</div>`
}

const axis = (window: Window): string =>
  `<div class="axis">${Array.from(
    { length: 12 },
    (_, index) => window.fromMs + (index * (window.toMs - window.fromMs)) / 12
  )
    .map((atMs) => `<span style="left:${percent(atMs, window)}">${clock(atMs).slice(0, -4)}</span>`)
    .join("")}</div>`

const zoomLevels = ["1×", "4×", "16×", "64×", "256×"]

const legend: ReadonlyArray<readonly [tone: string, means: string]> = [
  ["good", "healthy, done"],
  ["busy", "in progress"],
  ["wait", "waits for a person"],
  ["warn", "half-open, refused, escalated"],
  ["bad", "broken, open, down"],
  ["dim", "background"]
]

/** The remediations, for the selection of one incident. */
const incidents = ({ outcome }: ReportOptions): ReadonlyArray<readonly [id: string, name: string, text: string]> => {
  const found = new Map<string, { readonly fromMs: number; readonly name: string; text: string }>()
  const spans = outcome.timeline.lanes.find(({ name }) => name === "alerts")?.rows.flatMap(({ spans }) => spans) ?? []
  for (const { detail, fromMs, label, remediation } of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    if (remediation === undefined) continue
    const known = found.get(remediation)
    const name = detail.split(":")[0] ?? ""
    const text = `${clock(known?.fromMs ?? fromMs).slice(0, -4)}  ${name}: ${label}`
    if (known === undefined) found.set(remediation, { fromMs, name, text })
    else known.text = text
  }
  return [...found].map(([id, { name, text }]) => [id, name, text])
}

const cards = ({ outcome, scenario }: ReportOptions): string => {
  const { availability, endings, figures } = outcome
  const cards: ReadonlyArray<readonly [value: string, means: string]> = [
    [number(outcome.alerts), "alerts acknowledged"],
    [number(endings["Remediated"] ?? 0), "remediated"],
    [number(endings["Escalated"] ?? 0), "escalated to a person"],
    ...(figures["fixedVerdicts"] === undefined
      ? []
      : [
          [`${figures["falselyFixed"] ?? 0} of ${number(figures["fixedVerdicts"])}`, "false verdicts of fixed"] as const
        ]),
    [`${(Availability.ratio(availability) * 100).toFixed(3)} %`, `available (goal ${Availability.goal * 100} %)`],
    [number(outcome.plan.length), "faults"],
    [number(outcome.boots), outcome.boots === 1 ? "boot of the service" : "boots of the service"],
    [length(outcome.simulatedMs), `of ${scenario}, ${number(outcome.steps)} steps`]
  ]
  return `<div class="cards">${cards.map(([value, means]) => `<div class="card"><b>${escape(value)}</b><span>${escape(means)}</span></div>`).join("")}</div>`
}

const problem = ({ outcome, replay, shrunk }: ReportOptions): string => {
  if (outcome.failure === undefined) return ""
  const violations = outcome.violations.map(
    ({ atMs, invariant, message }) => `<li><b>${escape(invariant)}</b> at ${clock(atMs)}: ${escape(message)}</li>`
  )
  const pending = outcome.pending.slice(0, 20).map((what) => `<li>pending: ${escape(what)}</li>`)
  const least =
    shrunk === undefined
      ? ""
      : `<p>The fewest faults that still fail:</p><pre class="mono">${escape(`[\n${shrunk.map((fault) => ` ${JSON.stringify(fault)}`).join(",\n")}\n]`)}</pre>`
  return `<div class="problem"><b>${escape(describe(outcome.failure))}</b><ul>${[...violations, ...pending].join("")}</ul>${least}<pre class="mono">${escape(replay)}</pre></div>`
}

const countsTable = (title: string, counts: Readonly<Record<string, number>>): string => {
  const rows = Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `<tr><th>${escape(name)}</th><td>${number(count)}</td></tr>`)
  return rows.length === 0 ? "" : `<div class="box"><h3>${title}</h3><table>${rows.join("")}</table></div>`
}

const coverageHtml = (coverage: Coverage): string => {
  const columns = ["idle", ...stages]
  const cell = (count: number | undefined): string =>
    count === undefined
      ? `<td class="none">·</td>`
      : `<td style="--heat:${Math.min(80, 12 + Math.round(Math.log2(count + 1) * 12))}%">${number(count)}</td>`
  const rows = Object.entries(coverage.faultStages).map(
    ([kind, counts]) => `<tr><th>${escape(kind)}</th>${columns.map((stage) => cell(counts[stage])).join("")}</tr>`
  )
  const matrix =
    rows.length === 0
      ? ""
      : `<div class="box"><h3>Faults by stage</h3><table class="heat"><thead><tr><th></th>${columns.map((stage) => `<th>${stage}</th>`).join("")}</tr></thead>${rows.join("")}</table></div>`
  return `<h2>Coverage</h2><div class="tables">${matrix}${countsTable("Crash points", coverage.crashPoints)}${countsTable("Remediations", coverage.remediations)}${countsTable(
    "Breakers",
    coverage.breakers
  )}${countsTable("Levels", coverage.levels)}${countsTable("Sometimes", coverage.marks)}</div>`
}

const traceHtml = ({ trace }: Timeline, window: Window): string => {
  const inside = trace.filter(({ atMs }) => atMs >= window.fromMs && atMs <= window.toMs)
  const shown = inside.slice(-mostTraceLines)
  const note =
    shown.length < inside.length ? `, the last ${number(shown.length)} of ${number(inside.length)} lines` : ""
  const rows = shown.map(
    ({ about, atMs, remediation, step, text }) =>
      `<tr class="${about}" data-f="${atMs}"${remediation === undefined ? "" : ` data-r="${escape(remediation)}"`}><td>${clock(atMs)}</td><td>${step}</td><td>${about}</td><td>${escape(text)}</td></tr>`
  )
  return `<h2>Trace${note}</h2><div class="box trace"><table>${rows.join("\n")}</table></div>`
}

const controls = (options: ReportOptions): string => `<div class="bar"><h2>Timeline</h2>
<div class="zoom" role="group" aria-label="Zoom">${zoomLevels
  .map(
    (text, index) =>
      `<label><input type="radio" name="zoom" id="z${index + 1}"${index === 0 ? " checked" : ""}>${text}</label>`
  )
  .join("")}</div>
<select id="pick" aria-label="One incident"><option value="">all incidents</option>${incidents(options)
  .map(([id, name, text]) => `<option value="${escape(id)}" data-name="${escape(name)}">${escape(text)}</option>`)
  .join("")}</select>
<div class="legend">${legend.map(([tone, means]) => `<span class="${tone}"><i></i>${means}</span>`).join("")}</div></div>`

/**
 * The page, as HTML, to write to a file. A pure function: the same run gives the same page.
 *
 * ```ts
 * import { Report, Runner, Scenario } from "kubernaut/simulation"
 *
 * const { timeline, ...outcome } = Runner.runSeed({ seed: 1, scenario: Scenario.single, record: true })
 * if (timeline === undefined) throw new Error("the run was not recorded")
 * const replay = "kubernaut simulate --scenario single --replay 1"
 * const page = Report.html({ outcome: { ...outcome, timeline }, scenario: "single", replay })
 * page.startsWith("<!doctype html>") // => true
 * ```
 */
export const html = (options: ReportOptions): string => {
  const { outcome, replay, scenario } = options
  const { failure, timeline } = outcome
  const window = options.window ?? { fromMs: Math.max(0, timeline.untilMs - dayMs), toMs: timeline.untilMs }
  const tone = failure === undefined ? "good" : failure._tag === "Liveness" ? "warn" : "bad"
  const verdict =
    failure === undefined
      ? "all invariants held"
      : failure._tag === "Liveness"
        ? "no liveness"
        : failure._tag === "Crash"
          ? "crashed"
          : "invariant broken"
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kubernaut: seed ${outcome.seed} of ${escape(scenario)}</title><style>${style}</style></head>
<body><main>
<header><h1>Seed ${outcome.seed} of <code>${escape(scenario)}</code></h1><span class="pill ${tone}">${verdict}</span>
<p>Journal <code>${outcome.journalHash.slice(0, 16)}</code>, ${number(outcome.journalRows)} rows. Reproduce: <code>${escape(replay)}</code></p></header>
${cards(options)}
${problem(options)}
${controls(options)}
<div class="scroll"><div class="canvas" data-from="${window.fromMs}" data-until="${window.toMs}">${guides(options, window)}
${axis(window)}
${timeline.lanes.map((lane) => laneHtml(lane, window)).join("\n")}
</div></div>
${coverageHtml(outcome.coverage)}
${traceHtml(timeline, window)}
<footer>Times are relative to the start of the run. The striped area is healing, in which nothing new breaks. Click a span to follow one incident; zoom with Ctrl and the mouse wheel, or with + and −.</footer>
</main><div id="tip" hidden></div><script>${script}</script></body></html>
`
}
