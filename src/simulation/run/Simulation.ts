/**
 * One run: the real service in a world of one seed, disturbed by a plan of faults, watched by invariants.
 *
 *     safety phase    work comes in, faults begin and end as planned          `durationMs`
 *     healing         all faults end, nothing new breaks
 *     liveness phase  pending work must complete                              at most `livenessMs`
 *
 * The same seed, scenario, plan and code give the same result, down to the hash of the journal.
 */

import { Schema } from "effect"
import type { ProcessOptions } from "../engine/Process.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import * as World from "../engine/World.ts"
import { isSimulated } from "../farEnds/Database.ts"
import type { FarEnd, Setting } from "../farEnds/FarEnd.ts"
import * as FarEnds from "../farEnds/FarEnds.ts"
import { url } from "../farEnds/HolmesGpt.ts"
import type { Fault } from "../faults/Fault.ts"
import type { FaultKind, Reach } from "../faults/FaultKind.ts"
import * as Plan from "../faults/FaultPlan.ts"
import * as Faults from "../faults/Faults.ts"
import type { Checker, Invariant, Violation } from "../invariants/Invariant.ts"
import * as Invariants from "../invariants/Invariants.ts"
import { type CommittedEvent, Observations } from "../observation/Observation.ts"
import { Stages } from "../observation/Stages.ts"
import { watchText } from "../observation/TextWatch.ts"
import type { Scenario } from "../scenarios/Scenario.ts"
import * as Scenarios from "../scenarios/Scenarios.ts"
import type { ServicePorts } from "./ServicePorts.ts"
import { ServiceProcess } from "./ServiceProcess.ts"

export interface SimulationOptions {
  readonly seed: number
  readonly scenario: Scenario
  /** The faults. Default: the scenario's plan, or one drawn from the seed. */
  readonly plan?: Plan.FaultPlan
  /** The kinds of fault that may be drawn, or that the plan names. Default: all. */
  readonly faultKinds?: ReadonlyArray<FaultKind>
  /** Checked in addition to what the scenario expects. Default: all invariants. */
  readonly invariants?: ReadonlyArray<Invariant>
  /** How the service's process runs: logger, spans, how often fibers yield. */
  readonly process?: ProcessOptions
  /** Called when everything is built and nothing has started: for tests that subscribe to observations. */
  readonly onMade?: (run: Reach) => void
}

export interface SimulationResult {
  readonly seed: number
  readonly scenario: string
  readonly plan: Plan.FaultPlan
  readonly violations: ReadonlyArray<Violation>
  /** What had not completed at the end of the liveness phase. A failure of its own. */
  readonly pending: ReadonlyArray<string>
  readonly steps: number
  readonly simulatedMs: number
  readonly boots: number
  /** Rows of the journal, and a hash over all of them in the order of their commits. */
  readonly journalRows: number
  readonly journalHash: string
  /** A hash over all choices of the world. */
  readonly trace: string
  readonly end: World.RunEnd["_tag"]
  /** The figures of the checkers, by name: verdicts of fixed, and how many of them were false. */
  readonly figures: Readonly<Record<string, number>>
}

/**
 * Runs one seed. Synchronous.
 *
 * Throws what the simulator or the service throws; `Runner.runSeed` returns it as a failure instead.
 */
export const run = (options: SimulationOptions): SimulationResult => {
  const simulation = new Simulation(options)
  try {
    return simulation.run()
  } finally {
    simulation.close()
  }
}

/** The poll interval for pending work in the liveness phase. */
const pollEveryMs = 1000

/** An aimed fault begins within this many steps. An execution takes some twenty. */
const stepsAfter = 20

/** The number of violations of one run that are recorded. */
const enoughViolations = 20

/** What the service gets from the far ends. */
const portsOf = ({
  alertList,
  cluster,
  container: { pressure },
  database,
  holmesgpt,
  languageModels,
  spoolFolder,
  notificationSinks,
  telemetrySink
}: FarEnds.FarEnds): ServicePorts => ({
  alerts: alertList.layer,
  cluster: cluster.layer,
  storage: database.layer,
  spool: spoolFolder.layer,
  holmesgpt: { url, apiKey: holmesgpt.keyInFile, layer: holmesgpt.layer },
  languageModels,
  tracing: telemetrySink.tracing,
  notifications: notificationSinks.layer,
  ...(pressure === undefined ? {} : { pressure }),
  isSimulated
})

class Simulation {
  private readonly options: SimulationOptions
  private readonly setting: Setting
  private readonly reach: Reach
  private readonly service: ServiceProcess
  private readonly plan: Plan.FaultPlan
  private readonly kinds: ReadonlyMap<string, FaultKind>
  private readonly checkers: ReadonlyArray<Checker>
  private readonly violations: Array<Violation> = []
  private readonly active = new Map<Fault, () => void>()
  /** Aimed faults that wait for their stage. */
  private readonly waiting = new Set<Fault>()
  private isHealed = false
  private readonly stages = new Stages()
  private readonly aiming: SeededRandom

  constructor(options: SimulationOptions) {
    this.options = options
    const world = World.make(options.seed)
    this.setting = { world, scenario: options.scenario, observations: new Observations(() => world.nowMs) }
    this.aiming = world.random("aim")
    const { observations, scenario } = this.setting
    this.service = new ServiceProcess(
      this.setting,
      scenario.watchesText === true ? { ...options.process, ...watchText(observations) } : options.process
    )
    this.reach = { ...this.setting, service: this.service, farEnds: FarEnds.make(this.setting, this.service) }
    const { faultKinds } = options
    this.kinds = faultKinds === undefined ? Faults.byName : new Map(faultKinds.map((kind) => [kind.name, kind]))
    this.plan = options.plan ?? scenario.plan ?? Plan.draw(this.setting, faultKinds ?? Faults.all)
    this.checkers = [...(options.invariants ?? Invariants.all), ...Scenarios.expectationsOf(scenario)].map(
      (invariant) => this.checker(invariant)
    )
    for (const fault of this.plan)
      world.at(fault.atMs, () => (fault.aim === undefined ? this.begin(fault) : this.waiting.add(fault)))
    if (this.plan.some(({ aim }) => aim !== undefined))
      this.setting.observations.subscribe({ Committed: ({ events }, atMs) => this.aim(events, atMs) })
    options.onMade?.(this.reach)
  }

  run(): SimulationResult {
    const { farEnds, scenario, world } = this.reach
    for (const farEnd of this.farEnds) farEnd.start?.()
    this.service.start(portsOf(farEnds))
    let end = world.run({ untilMs: scenario.durationMs })
    if (end._tag === "TimeLimit") {
      this.heal()
      end = this.settle()
    }
    const pending = this.pending()
    for (const checker of this.checkers) checker.atEnd?.()
    return {
      seed: this.options.seed,
      scenario: scenario.name,
      plan: this.plan,
      violations: this.violations,
      pending,
      steps: world.steps,
      simulatedMs: world.nowMs,
      boots: this.service.boots,
      journalRows: farEnds.database.journalRows,
      journalHash: farEnds.database.journalHash,
      trace: world.trace,
      end: end._tag,
      figures: Object.assign({}, ...this.checkers.map((checker) => checker.figures?.())) as Readonly<
        Record<string, number>
      >
    }
  }

  close(): void {
    for (const farEnd of this.farEnds) farEnd.close?.()
  }

  private get farEnds(): ReadonlyArray<FarEnd> {
    return Object.values(this.reach.farEnds)
  }

  private checker(invariant: Invariant): Checker {
    const { observations, world } = this.setting
    const checker = invariant.make(
      this.setting,
      (message) => {
        if (this.violations.length < enoughViolations)
          this.violations.push({ invariant: invariant.name, message, atMs: world.nowMs, step: world.steps })
      },
      this.reach
    )
    if (checker.on !== undefined) observations.subscribe(checker.on)
    return checker
  }

  /**
   * Begins the faults that wait for a stage which a remediation has reached, some steps later, so that they hit between
   * any two operations of it.
   */
  private aim(events: ReadonlyArray<CommittedEvent>, atMs: number): void {
    const { world } = this.setting
    for (const row of events) {
      const before = this.stages.take(row, atMs)?.stage
      const stage = this.stages.open.get(row.remediationId)?.stage
      if (stage === before) continue
      for (const fault of this.waiting) {
        if (fault.aim !== stage) continue
        this.waiting.delete(fault)
        world.atStep(world.steps + 1 + this.aiming.below(stepsAfter), () => {
          if (!this.isHealed) this.begin(fault)
        })
      }
    }
  }

  private begin(fault: Fault): void {
    const { observations, world } = this.setting
    const kind = this.kinds.get(fault.kind)
    if (kind === undefined) throw new RangeError(`Simulation: there is no fault ${fault.kind}`)
    observations.publish({ _tag: "FaultBegan", fault })
    const undo = kind.apply(
      Schema.decodeSync(kind.parameters)(fault.parameters),
      this.reach,
      world.random(`fault ${fault.kind} ${fault.atMs}`)
    )
    this.active.set(fault, undo)
    world.at(world.nowMs + fault.forMs, () => this.end(fault))
  }

  private end(fault: Fault): void {
    const undo = this.active.get(fault)
    if (undo === undefined) return
    this.active.delete(fault)
    undo()
    this.setting.observations.publish({ _tag: "FaultHealed", fault })
  }

  private heal(): void {
    this.isHealed = true
    this.waiting.clear()
    for (const fault of this.active.keys()) this.end(fault)
    for (const farEnd of this.farEnds) farEnd.heal?.()
    this.setting.observations.publish({ _tag: "HealingBegan" })
  }

  private pending(): ReadonlyArray<string> {
    return [
      ...this.farEnds.flatMap((farEnd) => farEnd.pending?.() ?? []),
      ...this.checkers.flatMap((checker) => checker.pending?.() ?? [])
    ]
  }

  private settle(): World.RunEnd {
    const { scenario, world } = this.setting
    const untilMs = scenario.durationMs + scenario.livenessMs
    while (world.nowMs < untilMs) {
      const end = world.run({ untilMs: Math.min(world.nowMs + pollEveryMs, untilMs) })
      if (end._tag !== "TimeLimit") return end
      if (this.pending().length === 0) return { _tag: "Reached" }
    }
    return { _tag: "TimeLimit" }
  }
}
