/**
 * Implements `kubernaut simulate`: runs seeds and prints a summary. After a failure it searches for the smallest fault
 * plan that still fails, and prints what failed and how to reproduce it.
 *
 * The last line of standard output is the command that replays the failure; with `--json` it is the field `replay` of
 * the last line.
 */

import { availableParallelism } from "node:os"
import { Console, Effect, FileSystem, Option } from "effect"
import { type FaultPlan, kindsOf } from "../../simulation/faults/FaultPlan.ts"
import * as Faults from "../../simulation/faults/Faults.ts"
import * as Injections from "../../simulation/faults/Injections.ts"
import * as SievePatterns from "../../simulation/faults/SievePatterns.ts"
import * as Invariants from "../../simulation/invariants/Invariants.ts"
import * as Availability from "../../simulation/report/Availability.ts"
import * as Coverage from "../../simulation/report/Coverage.ts"
import * as Report from "../../simulation/report/Report.ts"
import * as Failure from "../../simulation/run/Failure.ts"
import * as Runner from "../../simulation/run/Runner.ts"
import * as Shrink from "../../simulation/run/Shrink.ts"
import * as Scenarios from "../../simulation/scenarios/Scenarios.ts"
import { isTerminal, writeErrorText } from "../Edge.ts"
import { CommandFailed } from "../ExitCode.ts"
import { Json, print, say, table } from "../Output.ts"
import * as Progress from "../Progress.ts"
import type { SimulateFlags } from "./SimulateFlags.ts"
import { hourMs, type Job, jobOf } from "./SimulationJob.ts"
import { failureText, hours, summaryText, traceText } from "./SimulationText.ts"

const list = print(
  {
    scenarios: Scenarios.all.map(({ name }) => name),
    injections: Injections.all.map((injection) => ({
      name: injection.name,
      title: injection.title,
      faults: Injections.kindsOf([injection], Faults.all).map(({ name }) => name),
      missing: injection.missing
    })),
    patterns: SievePatterns.all,
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
    "Patterns of Sieve:",
    ...SievePatterns.all.flatMap(({ description, faults, name }) => [
      `  ${name}: ${faults.join(", ")}`,
      `    ${description}`
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

/** Runs seeds: `Runner`, or a stub in tests. */
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
