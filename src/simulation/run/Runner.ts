/**
 * Runs many seeds in worker threads. Results, sums and hashes are in the order of the seeds, so they do not depend on
 * the number of threads or their speed.
 *
 * **Gotchas**
 *
 * A worker loads this module and gets only what can be sent to it: a scenario is sent by name. For your own scenario
 * object, call `runSeed` in a loop.
 */

import { createHash } from "node:crypto"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import { Effect } from "effect"
import type { FaultKind } from "../faults/FaultKind.ts"
import type { FaultPlan } from "../faults/FaultPlan.ts"
import type { Invariant, Violation } from "../invariants/Invariant.ts"
import * as Availability from "../report/Availability.ts"
import * as Coverage from "../report/Coverage.ts"
import type { Timeline } from "../report/Timeline.ts"
import { TimelineRecorder } from "../report/TimelineRecorder.ts"
import type { Scenario } from "../scenarios/Scenario.ts"
import * as Scenarios from "../scenarios/Scenarios.ts"
import * as Endings from "./Endings.ts"
import { crashOf, type Failure, failureOf } from "./Failure.ts"
import { run } from "./Simulation.ts"

/** How each seed is run. It can be sent to another thread. */
export interface RunRequest {
  /** See `Scenarios`. */
  readonly scenario: string
  /** Overrides the scenario's duration. */
  readonly durationMs?: number
  /** Overrides the names of the fault kinds that may be drawn. */
  readonly faults?: ReadonlyArray<string>
  /** Replaces the plans drawn from the seeds. */
  readonly plan?: FaultPlan
}

/** Options of `runSeed`. */
export interface SeedOptions {
  /** A safe integer, at least 0. */
  readonly seed: number
  readonly scenario: Scenario
  /** The faults of the run. Default: the plan of the scenario, or else one drawn from the seed. */
  readonly plan?: FaultPlan
  /** The kinds from which a plan is drawn, and to which a plan refers. Default: `Faults.all`. */
  readonly faultKinds?: ReadonlyArray<FaultKind>
  /** Checked in addition to the expectations of a scenario in `Scenarios`. Default: `Invariants.all`. */
  readonly invariants?: ReadonlyArray<Invariant>
  /** Records the timeline for the report, which costs time. Default false. */
  readonly record?: boolean
}

/** The outcome of one seed, as plain data. */
export interface SeedOutcome {
  readonly seed: number
  /** Absent where the run succeeded. */
  readonly failure?: Failure
  /** At most 20, in the order in which they were reported. */
  readonly violations: ReadonlyArray<Violation>
  /** What had not completed at the end of the liveness phase, each in a few words. */
  readonly pending: ReadonlyArray<string>
  /** The faults of the run. Pass it as `plan` to replay or shrink them. */
  readonly plan: FaultPlan
  /** Steps that the world took. */
  readonly steps: number
  /** The length of the run on its monotonic clock, in milliseconds. */
  readonly simulatedMs: number
  /** Boots of the service, the first included; 0 after a crash of the run. */
  readonly boots: number
  /** Firing alerts to which the service responded, repeats included. */
  readonly alerts: number
  /** Rows of the journal. */
  readonly journalRows: number
  /** SHA-256 over all rows of the journal: equal hashes mean equal runs. Empty after a crash of the run. */
  readonly journalHash: string
  readonly coverage: Coverage.Coverage
  readonly availability: Availability.Availability
  /** The number of remediations by final state, such as `Remediated`. */
  readonly endings: Endings.Endings
  /** The figures of the checkers, `fixedVerdicts` and `falselyFixed` among them. */
  readonly figures: Readonly<Record<string, number>>
  readonly timeline?: Timeline
}

/** The scenario of a request, with its overrides; `undefined` where no scenario has that name. */
export const scenarioOf = (request: RunRequest): Scenario | undefined => {
  const scenario = Scenarios.byName.get(request.scenario)
  if (scenario === undefined) return undefined
  return {
    ...scenario,
    ...(request.durationMs === undefined ? {} : { durationMs: request.durationMs }),
    ...(request.faults === undefined ? {} : { faults: request.faults })
  }
}

/**
 * Runs one seed in this thread, synchronously. It does not throw: a crash of the service or the simulator is an outcome
 * with a `failure` of `Crash`.
 *
 * The same options and code give the same outcome.
 *
 * ```ts
 * import { Runner, Scenario } from "kubernaut/simulation"
 *
 * const run = (seed: number) => Runner.runSeed({ seed, scenario: Scenario.single })
 * const outcome = run(1)
 * outcome.failure // => undefined
 * outcome.endings // => { Joined: 2, Remediated: 1 }
 * run(1).journalHash === outcome.journalHash // => true
 * run(2).journalHash === outcome.journalHash // => false
 * ```
 */
export const runSeed = (options: SeedOptions): SeedOutcome => {
  const { record, ...simulation } = options
  const coverage = new Coverage.CoverageRecorder()
  const availability = new Availability.AvailabilityRecorder()
  const endings = new Endings.EndingsRecorder()
  let world = { nowMs: 0, steps: 0 }
  let timeline: TimelineRecorder | undefined
  let alerts = 0
  const seen = (): Pick<SeedOutcome, "alerts" | "coverage" | "availability" | "endings" | "timeline"> => ({
    alerts,
    coverage: coverage.coverage,
    availability: availability.at(world.nowMs),
    endings: endings.endings,
    ...(timeline === undefined ? {} : { timeline: timeline.timeline })
  })
  try {
    const {
      end,
      scenario: _,
      trace: __,
      ...result
    } = run({
      ...simulation,
      onMade: (reach) => {
        world = reach.world
        if (record === true) timeline = new TimelineRecorder(reach.world)
        for (const recorder of [coverage, availability, availability.causes, endings, timeline])
          if (recorder !== undefined) reach.observations.subscribe(recorder.on)
        reach.observations.subscribe({
          AlertAnswered: ({ firing }) => {
            if (firing) alerts++
          }
        })
      }
    })
    const failure = failureOf({ ...result, end })
    return { ...result, ...(failure === undefined ? {} : { failure }), ...seen() }
  } catch (thrown) {
    return {
      ...crashed(options.seed, crashOf(thrown), options.plan ?? []),
      steps: world.steps,
      simulatedMs: world.nowMs,
      ...seen()
    }
  }
}

const crashed = (seed: number, failure: Failure, plan: FaultPlan): SeedOutcome => ({
  seed,
  failure,
  violations: [],
  pending: [],
  plan,
  steps: 0,
  simulatedMs: 0,
  boots: 0,
  alerts: 0,
  journalRows: 0,
  journalHash: "",
  coverage: Coverage.empty,
  availability: Availability.none,
  endings: {},
  figures: {}
})

// ----------------------------------------------------------------------------
// Sums
// ----------------------------------------------------------------------------

/** The sum over all seeds of a batch. */
export interface Summary {
  readonly seeds: number
  /** All violations, and one for each seed that crashed or has pending work. */
  readonly violations: number
  readonly failed: ReadonlyArray<{ readonly seed: number; readonly failure: Failure }>
  /** Over seeds and their journals, in the order of the seeds. */
  readonly hash: string
  readonly alerts: number
  readonly journalRows: number
  readonly steps: number
  readonly boots: number
  readonly coverage: Coverage.Coverage
  readonly availability: Availability.Availability
  readonly endings: Endings.Endings
  readonly figures: Readonly<Record<string, number>>
}

const sumOf = (records: ReadonlyArray<Readonly<Record<string, number>>>): Readonly<Record<string, number>> => {
  const total: Record<string, number> = {}
  for (const record of records)
    for (const [name, count] of Object.entries(record)) total[name] = (total[name] ?? 0) + count
  return Object.fromEntries(Object.entries(total).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Sums outcomes, which must be in the order of the seeds, as `runSeeds` returns them. */
export const summarize = (outcomes: ReadonlyArray<SeedOutcome>): Summary => {
  const hash = createHash("sha256")
  const total = (figure: (outcome: SeedOutcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + figure(outcome), 0)
  for (const { journalHash, seed } of outcomes) hash.update(`${seed} ${journalHash}\n`)
  return {
    seeds: outcomes.length,
    violations: total(({ failure, violations }) => Math.max(violations.length, failure === undefined ? 0 : 1)),
    failed: outcomes.flatMap(({ failure, seed }) => (failure === undefined ? [] : [{ seed, failure }])),
    hash: hash.digest("hex"),
    alerts: total(({ alerts }) => alerts),
    journalRows: total(({ journalRows }) => journalRows),
    steps: total(({ steps }) => steps),
    boots: total(({ boots }) => boots),
    coverage: outcomes.reduce((sum, { coverage }) => Coverage.merge(sum, coverage), Coverage.empty),
    availability: outcomes.reduce((sum, { availability }) => Availability.add(sum, availability), Availability.none),
    endings: sumOf(outcomes.map(({ endings }) => endings)),
    figures: sumOf(outcomes.map(({ figures }) => figures))
  }
}

// ----------------------------------------------------------------------------
// Threads
// ----------------------------------------------------------------------------

/** Options of `runSeeds`. */
export interface RunnerOptions {
  readonly request: RunRequest
  /** The seeds, each of which is run once. Results are in this order. */
  readonly seeds: ReadonlyArray<number>
  /** The number of threads, at least 1. Never more than seeds. */
  readonly workers: number
  /** Called when a seed completes, in the order of completion. */
  readonly onOutcome?: (outcome: SeedOutcome) => void
}

const marker = "kubernaut/simulation/Runner"

interface WorkerData {
  readonly marker: typeof marker
  readonly request: RunRequest
}

/**
 * Runs all seeds in worker threads. It does not fail: a seed whose thread ends is an outcome with a `failure`, such as
 * that of a scenario without a name in `Scenarios`. Interruption terminates the threads.
 */
export const runSeeds = (options: RunnerOptions): Effect.Effect<ReadonlyArray<SeedOutcome>> =>
  Effect.suspend(() => {
    const outcomes = new Map<number, SeedOutcome>()
    const waiting = [...options.seeds]
    const done = (outcome: SeedOutcome): void => {
      outcomes.set(outcome.seed, outcome)
      options.onOutcome?.(outcome)
    }
    const one: Effect.Effect<void> = Effect.suspend(() =>
      waiting.length === 0
        ? Effect.void
        : Effect.andThen(
            thread(options.request, () => waiting.shift(), done),
            one
          )
    )
    const threads = Math.max(1, Math.min(options.workers, waiting.length))
    return Effect.forEach(Array.from({ length: threads }), () => one, { concurrency: "unbounded", discard: true }).pipe(
      Effect.map(() => options.seeds.flatMap((seed) => outcomes.get(seed) ?? []))
    )
  })

/** One thread, which gets seeds until none is left. If the thread ends before, its seed has crashed. */
const thread = (
  request: RunRequest,
  next: () => number | undefined,
  done: (outcome: SeedOutcome) => void
): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    Effect.sync(
      () =>
        new Worker(new URL(import.meta.url), {
          workerData: { marker, request } satisfies WorkerData,
          execArgv: [],
          // A run makes many short-lived objects: a larger young generation saves a tenth of its time.
          resourceLimits: { maxYoungGenerationSizeMb: 192 }
        })
    ),
    (worker) =>
      Effect.callback<void>((resume) => {
        let current: number | undefined
        const feed = (): void => {
          current = next()
          if (current === undefined) resume(Effect.void)
          // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
          else worker.postMessage(current)
        }
        const broke = (failure: Failure): void => {
          if (current !== undefined) done(crashed(current, failure, request.plan ?? []))
          current = undefined
          resume(Effect.void)
        }
        worker.on("message", (outcome: SeedOutcome) => {
          done(outcome)
          feed()
        })
        worker.on("error", (error) => broke(crashOf(error)))
        worker.on("exit", (code) => broke({ _tag: "Crash", message: `the thread ended with ${code}` }))
        feed()
      }),
    (worker) => Effect.promise(() => worker.terminate())
  )

const serve = (request: RunRequest): void => {
  const scenario = scenarioOf(request)
  if (scenario === undefined) throw new RangeError(`Runner: there is no scenario ${request.scenario}`)
  parentPort?.on("message", (seed: number) => {
    const { plan } = request
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- threads have no origin
    parentPort?.postMessage(runSeed({ seed, scenario, ...(plan === undefined ? {} : { plan }) }))
  })
}

const isOurs = (data: unknown): data is WorkerData =>
  typeof data === "object" && data !== null && "marker" in data && data.marker === marker

if (!isMainThread && isOurs(workerData)) serve(workerData.request)
