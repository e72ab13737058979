/**
 * Implements `kubernaut simulate`: runs seeds and prints a summary. After a failure it searches for the smallest fault
 * plan that still fails, and prints what failed and how to reproduce it.
 *
 * The last line of standard output is the command that replays the failure; with `--json` it is the field `replay` of
 * the last line.
 */

import { availableParallelism } from "node:os"
import { Console, Effect, FileSystem, Option, Schema } from "effect"
import { FaultPlan, kindsOf } from "../../simulation/faults/FaultPlan.ts"
import * as Faults from "../../simulation/faults/Faults.ts"
import * as Injections from "../../simulation/faults/Injections.ts"
import * as Invariants from "../../simulation/invariants/Invariants.ts"
import * as Availability from "../../simulation/report/Availability.ts"
import * as Coverage from "../../simulation/report/Coverage.ts"
import * as Report from "../../simulation/report/Report.ts"
import type { TraceLine } from "../../simulation/report/Timeline.ts"
import * as Failure from "../../simulation/run/Failure.ts"
import * as Runner from "../../simulation/run/Runner.ts"
import * as Shrink from "../../simulation/run/Shrink.ts"
import type { Scenario } from "../../simulation/scenarios/Scenario.ts"
import * as Scenarios from "../../simulation/scenarios/Scenarios.ts"
import { isTerminal, writeErrorText } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { Json, print, say, table } from "../Output.ts"
import * as Progress from "../Progress.ts"
import type { SimulateFlags } from "./SimulateFlags.ts"

const hourMs = 3_600_000
const monthMs = 30 * 24 * hourMs

const usage = (text: string) => new CommandFailed({ code: "usage", text })

/** The validated flags. */
interface Job {
  readonly request: Runner.RunRequest
  readonly scenario: Scenario
  readonly seeds: ReadonlyArray<number>
  readonly replay: number | undefined
  /** The flags that reproduce a seed. */
  readonly again: ReadonlyArray<string>
}

const faultsOf = (inject: string): Effect.Effect<ReadonlyArray<string>, CommandFailed> =>
  Effect.map(
    Effect.forEach(
      inject
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
      (name) => {
        const injection = Injections.byName.get(name)
        if (injection !== undefined)
          return Effect.succeed(Injections.kindsOf([injection], Faults.all).map((kind) => kind.name))
        return Faults.byName.has(name)
          ? Effect.succeed([name])
          : Effect.fail(usage(`There is no injection or fault ${name}. Run kubernaut simulate --list to see them.`))
      }
    ),
    (names) => [...new Set(names.flat())]
  )

const readPlan = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(fileSystem.readFileString(file), () => usage(`Cannot read ${file}.`))
  const plan = yield* Schema.decodeEffect(Schema.fromJsonString(FaultPlan))(text).pipe(
    Effect.mapError((error) => usage(`${file} is not a fault plan: ${error.message}`))
  )
  const unknown = plan.find(({ kind }) => !Faults.byName.has(kind))
  if (unknown !== undefined)
    return yield* usage(`${file}: there is no fault ${unknown.kind}. Run kubernaut simulate --list to see the faults.`)
  for (const { kind, parameters } of plan) {
    yield* Effect.mapError(Schema.decodeEffect(Faults.byName.get(kind)!.parameters)(parameters), (error) =>
      usage(`${file}: the parameters of ${kind} are invalid: ${error.message}`)
    )
  }
  return plan
})

const jobOf = Effect.fnUntraced(function* (flags: SimulateFlags) {
  if (Option.isSome(flags.hours) && Option.isSome(flags.months))
    return yield* usage("--hours and --months both set the duration: use only one of them.")
  if (Option.isSome(flags.plan) && Option.isSome(flags.inject))
    return yield* usage("--plan defines all faults: remove --inject.")
  const durationMs = Option.isSome(flags.hours)
    ? Math.round(flags.hours.value * hourMs)
    : Option.isSome(flags.months)
      ? Math.round(flags.months.value * monthMs)
      : undefined
  const faults = Option.isNone(flags.inject) ? undefined : yield* faultsOf(flags.inject.value)
  const plan = Option.isNone(flags.plan) ? undefined : yield* readPlan(flags.plan.value)
  const request: Runner.RunRequest = {
    scenario: flags.scenario,
    ...(durationMs === undefined ? {} : { durationMs }),
    ...(faults === undefined ? {} : { faults }),
    ...(plan === undefined ? {} : { plan })
  }
  const scenario = Runner.scenarioOf(request)
  if (scenario === undefined)
    return yield* usage(
      `There is no scenario ${flags.scenario}. Use one of ${Scenarios.all.map(({ name }) => name).join(", ")}.`
    )
  const replay = Option.getOrUndefined(flags.replay)
  return {
    request,
    scenario,
    replay,
    seeds: replay === undefined ? Array.from({ length: flags.seeds }, (_, index) => flags.seed + index) : [replay],
    again: [
      `--scenario ${flags.scenario}`,
      `--hours ${scenario.durationMs / hourMs}`,
      ...(Option.isNone(flags.inject) ? [] : [`--inject ${flags.inject.value}`]),
      ...(Option.isNone(flags.plan) ? [] : [`--plan ${flags.plan.value}`])
    ]
  } satisfies Job
})

// ----------------------------------------------------------------------------
// Text
// ----------------------------------------------------------------------------

const number = (value: number): string => value.toLocaleString("en-US")
const percent = (ratio: number): string => `${(Math.floor(ratio * 1e6) / 1e4).toFixed(3)} %`
const hours = (ms: number): string =>
  ms === monthMs
    ? "1 month"
    : ms > monthMs
      ? `${Math.round((ms / monthMs) * 100) / 100} months`
      : `${Math.round((ms / hourMs) * 1000) / 1000} h`

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0")
const clock = (ms: number): string =>
  `${two(ms / hourMs)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${String(ms % 1000).padStart(3, "0")}`

const traceText = ({ about, atMs, remediation, step, text }: TraceLine): string =>
  `${clock(atMs)} ${String(step).padStart(7)}  ${about.padEnd(9)} ${text}${remediation === undefined ? "" : `  [${remediation}]`}`

const counts = (record: Readonly<Record<string, number>>): string =>
  Object.entries(record)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${number(count)} ${name}`)
    .join(", ")

const summaryText = (
  summary: Runner.Summary,
  { request, scenario }: Job,
  warnings: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const { availability, coverage, endings, figures } = summary
  const { byReasonMs } = availability
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
      ["  faults", counts(coverage.faults) || "none"],
      [
        "  coverage",
        `${Object.keys(coverage.crashPoints).length} crash points, ${Object.keys(coverage.remediations).length} remediation transitions, ${Object.keys(coverage.breakers).length} breaker transitions, ${Object.keys(coverage.levels).length} level transitions, ${Object.keys(coverage.marks).length} of ${Object.keys(Coverage.sometimes).length} marks`
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

const failureText = (failed: Runner.Summary["failed"], outcome: Runner.SeedOutcome): ReadonlyArray<string> => [
  ...failed.slice(0, 10).map(({ failure, seed }) => `Seed ${seed}: ${Failure.describe(failure)}`),
  ...(failed.length > 10 ? [`… and ${failed.length - 10} more seeds`] : []),
  ...outcome.violations
    .slice(0, 10)
    .map(({ atMs, invariant, message, step }) => `  ${clock(atMs)} step ${step}  ${invariant}: ${message}`)
]

// ----------------------------------------------------------------------------
// The command
// ----------------------------------------------------------------------------

const list = print(
  {
    scenarios: Scenarios.all.map(({ name }) => name),
    injections: Injections.all.map((injection) => ({
      name: injection.name,
      title: injection.title,
      faults: Injections.kindsOf([injection], Faults.all).map(({ name }) => name),
      missing: injection.missing
    })),
    faults: Faults.all.map(({ description, name, target }) => ({ name, target, description })),
    invariants: Invariants.all.map(({ description, name }) => ({ name, description }))
  },
  () => [
    "Scenarios:",
    ...table(Scenarios.all.map(({ durationMs, name }) => [`  ${name}`, hours(durationMs)])),
    "Injections:",
    ...Injections.all.flatMap((injection) => [
      `  ${injection.name}: ${
        Injections.kindsOf([injection], Faults.all)
          .map(({ name }) => name)
          .join(", ") || "none"
      }`,
      ...(injection.missing === "" ? [] : [`    not in this version: ${injection.missing}`])
    ]),
    "Faults:",
    ...table(Faults.all.map(({ description, name, target }) => [`  ${name}`, target, description])),
    "Invariants:",
    ...table(Invariants.all.map(({ description, name }) => [`  ${name}`, description]))
  ]
)

/** Searches for the smallest fault plan that reproduces the failure. */
const shrinkFailure = (
  simulator: Simulator,
  job: Job,
  seed: number,
  failure: Failure.Failure,
  plan: FaultPlan,
  progress: Progress.Progress
) =>
  Shrink.shrink(
    plan,
    (candidate) =>
      // Yields between two runs, so that a signal is handled.
      Effect.as(Effect.yieldNow, undefined).pipe(
        Effect.map(() =>
          Failure.isSame(failure, simulator.runSeed({ seed, scenario: job.scenario, plan: candidate }).failure)
        )
      ),
    { onRun: (runs, faults) => progress.show(`shrinking: run ${runs}, ${faults} faults`) }
  )

const runAll = (simulator: Simulator, job: Job, flags: SimulateFlags, progress: Progress.Progress) =>
  Effect.suspend(() => {
    let done = 0
    let failed = 0
    return simulator.runSeeds({
      request: job.request,
      seeds: job.seeds,
      workers: Option.getOrElse(flags.workers, availableParallelism),
      onOutcome: ({ failure }) => {
        done++
        if (failure !== undefined) failed++
        progress.bar(done, job.seeds.length, failed === 0 ? "" : `${failed} failed`)
      }
    })
  })

const record = (simulator: Simulator, job: Job, seed: number): Runner.SeedOutcome =>
  simulator.runSeed({
    seed,
    scenario: job.scenario,
    record: true,
    ...(job.request.plan === undefined ? {} : { plan: job.request.plan })
  })

const codes = { Invariant: "invariant", Liveness: "liveness", Crash: "crash" } as const

const summaryJson = (
  { failed, ...summary }: Runner.Summary,
  job: Job,
  outcome: Runner.SeedOutcome | undefined,
  shrunk: Shrink.Shrunk | undefined,
  more: object
) => ({
  ...summary,
  hours: job.scenario.durationMs / hourMs,
  scenario: job.request.scenario,
  availabilityRatio: Availability.ratio(summary.availability),
  failed: failed.slice(0, 100),
  ...(outcome?.failure === undefined
    ? {}
    : { failure: outcome.failure, broken: outcome.violations, pending: outcome.pending }),
  ...(shrunk === undefined ? {} : { shrunk }),
  ...more
})

/** What runs seeds: `Runner`, or in tests one that fails as it is told. */
export interface Simulator {
  readonly runSeed: (options: Runner.SeedOptions) => Runner.SeedOutcome
  readonly runSeeds: (options: Runner.RunnerOptions) => Effect.Effect<ReadonlyArray<Runner.SeedOutcome>>
}

export const simulateFromFlags = (flags: SimulateFlags) => simulateWith(Runner, flags)

export const simulateWith = Effect.fnUntraced(function* (simulator: Simulator, flags: SimulateFlags) {
  if (flags.list) return yield* list
  const job = yield* jobOf(flags)
  const progress = Progress.make((yield* isTerminal) ? writeErrorText : undefined)
  const outcomes =
    job.replay === undefined ? yield* runAll(simulator, job, flags, progress) : [record(simulator, job, job.replay)]
  const summary = Runner.summarize(outcomes)
  const worst = Failure.worst(summary.failed.map(({ failure }) => failure))
  const outcome = outcomes.find(({ failure }) => failure !== undefined && failure === worst)
  const shrunk =
    outcome === undefined || worst === undefined || !flags.shrink
      ? undefined
      : yield* shrinkFailure(simulator, job, outcome.seed, worst, outcome.plan, progress)
  progress.clear()

  const shown = outcome ?? outcomes[0]!
  const replay = `kubernaut simulate ${job.again.join(" ")} --replay ${shown.seed}`
  if (Option.isSome(flags.report)) yield* writeReport(simulator, flags.report.value, job, shown, replay, shrunk)
  if (job.replay !== undefined)
    yield* Effect.forEach(shown.timeline?.trace ?? [], (line) => Console.log(traceText(line)), { discard: true })

  const warnings =
    job.request.plan === undefined && job.replay === undefined
      ? Coverage.missing(summary.coverage, kindsOf(job.scenario, Faults.all))
      : []
  if (yield* Json) {
    if (outcome !== undefined) yield* Effect.forEach(failureText(summary.failed, outcome), say, { discard: true })
    yield* Console.log(
      JSON.stringify(
        summaryJson(summary, job, outcome, shrunk, {
          warnings,
          ...(outcome === undefined ? {} : { replay, plan: outcome.plan })
        })
      )
    )
  } else {
    const lines = [
      ...summaryText(summary, job, warnings),
      ...(outcome === undefined
        ? []
        : [
            ...failureText(summary.failed, outcome),
            ...(shrunk === undefined
              ? []
              : [
                  `Smallest fault plan that still fails${shrunk.complete ? "" : " (search incomplete)"}, found in ${shrunk.runs} runs; save it to a file for --plan:`,
                  JSON.stringify(shrunk.plan)
                ]),
            replay
          ])
    ]
    yield* Effect.forEach(lines, (line) => Console.log(line), { discard: true })
  }
  // Everything was printed, and the last line must stay the replay command.
  if (worst !== undefined) return yield* new CommandFailed({ code: codes[worst._tag], text: "" })
})

const writeReport = Effect.fnUntraced(function* (
  simulator: Simulator,
  file: string,
  job: Job,
  shown: Runner.SeedOutcome,
  replay: string,
  shrunk: Shrink.Shrunk | undefined
) {
  const fileSystem = yield* FileSystem.FileSystem
  const { timeline, ...outcome } = shown.timeline === undefined ? record(simulator, job, shown.seed) : shown
  if (timeline === undefined) return
  const page = Report.html({
    outcome: { ...outcome, timeline },
    scenario: job.request.scenario,
    replay,
    ...(shrunk === undefined ? {} : { shrunk: shrunk.plan })
  })
  yield* Effect.mapError(
    fileSystem.writeFileString(file, page),
    () => new CommandFailed({ code: "bad", text: `Cannot write ${file}.` })
  )
  yield* say(`Report: ${file}`)
})
