/** The output of `kubernaut simulate` as text: summary, failures and trace. */

import * as Availability from "../../simulation/report/Availability.ts"
import { causes } from "../../simulation/report/Causes.ts"
import * as Coverage from "../../simulation/report/Coverage.ts"
import type { TraceLine } from "../../simulation/report/Timeline.ts"
import * as Failure from "../../simulation/run/Failure.ts"
import type * as Runner from "../../simulation/run/Runner.ts"
import { table } from "../Output.ts"
import { hourMs, type Job, monthMs } from "./SimulationJob.ts"

const number = (value: number): string => value.toLocaleString("en-US")
const percent = (ratio: number): string => `${(Math.floor(ratio * 1e6) / 1e4).toFixed(3)} %`
export const hours = (ms: number): string =>
  ms === monthMs
    ? "1 month"
    : ms > monthMs
      ? `${Math.round((ms / monthMs) * 100) / 100} months`
      : `${Math.round((ms / hourMs) * 1000) / 1000} h`

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0")
const clock = (ms: number): string =>
  `${two(ms / hourMs)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(ms % 1000).padStart(3, "0")}`

export const traceText = ({ about, atMs, remediation, step, text }: TraceLine): string =>
  `${clock(atMs)} ${String(step).padStart(7)}  ${about.padEnd(9)} ${text}${remediation === undefined ? "" : `  [${remediation}]`}`

const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${number(count)} ${name}`)
    .join(", ")

export const summaryText = (
  summary: Runner.Summary,
  { request, scenario }: Job,
  warnings: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const { availability, coverage, endings, figures } = summary
  const { byCauseMs, byReasonMs } = availability
  const share = (ms: number) => percent(availability.observedMs === 0 ? 0 : ms / availability.observedMs)
  const ratio = Availability.ratio(availability)
  return [
    `${number(summary.seeds)} ${summary.seeds === 1 ? "seed" : "seeds"} × ${hours(scenario.durationMs)} of ${request.scenario}: ${
      summary.failed.length === 0
        ? "all invariants held, nothing is pending"
        : `${number(summary.failed.length)} failed, ${number(summary.violations)} violations`
    }`,
    ...table([
      ["  alerts", `${number(summary.alerts)} acknowledged; ${counts(endings) || "none ended"}`],
      ...(figures["fixedVerdicts"] === undefined
        ? []
        : [
            [
              "  fixed",
              `${number(figures["fixedVerdicts"])} verdicts, ${number(figures["falselyFixed"] ?? 0)} of them false`
            ]
          ]),
      [
        "  available",
        `${percent(ratio)}${ratio >= Availability.goal ? "" : `, below the goal of ${Availability.goal * 100} %`} (down ${share(byReasonMs.down)}, deaf ${share(byReasonMs.deaf)}, idle ${share(byReasonMs.idle)})`
      ],
      ["  without it", causes.map((cause) => `${cause} ${share(byCauseMs[cause])}`).join(", ")],
      ["  faults", counts(coverage.faults) || "none"],
      [
        "  coverage",
        `${Object.keys(coverage.crashPoints).length} crash points, ${Object.keys(coverage.remediations).length} remediation transitions, ${Object.keys(coverage.breakers).length} breaker transitions, ${Object.keys(coverage.levels).length} level transitions, ${Object.keys(coverage.marks).length} of ${Coverage.marksWith((kind) => coverage.faults[kind] !== undefined).length} marks`
      ],
      [
        "  work",
        `${number(summary.steps)} steps, ${number(summary.journalRows)} journal entries, ${number(summary.boots)} service starts`
      ],
      ["  hash", summary.hash]
    ]),
    ...(warnings.length === 0 ? [] : ["Low coverage:", ...warnings.map((warning) => `  ${warning}`)])
  ]
}

export const failureText = (failed: Runner.Summary["failed"], outcome: Runner.SeedOutcome): ReadonlyArray<string> => [
  ...failed.slice(0, 10).map(({ failure, seed }) => `Seed ${seed}: ${Failure.describe(failure)}`),
  ...(failed.length > 10 ? [`… and ${failed.length - 10} more seeds`] : []),
  ...outcome.violations
    .slice(0, 10)
    .map(({ atMs, invariant, message, step }) => `  ${clock(atMs)} step ${step}  ${invariant}: ${message}`)
]
