/**
 * The process under test: the real service, `Kubernaut.layer` with everything that `kubernaut serve` puts around it but HTTP and telemetry, on
 * simulated far ends. Whatever ends it, it is started again after a while, as by a kubelet.
 */
import { Cause, Context, Effect, Layer, Schema, Stream, type Exit, type Scope } from "effect"
import { Degradation } from "../health/DegradationFiber.ts"
import * as Kubernaut from "../Kubernaut.ts"
import * as EvidenceGatherer from "../investigation/EvidenceGatherer.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import * as RuleInvestigator from "../investigation/RuleInvestigator.ts"
import * as Rulebook from "../investigation/Rulebook.ts"
import * as ResilientClient from "../kubernetes/ResilientClient.ts"
import { make as makePipeline } from "../resilience/Pipeline.ts"
import { ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { ActionHistory } from "../storage/ActionHistory.ts"
import type { FarEnds } from "./FarEnds.ts"
import type { Setting } from "./FarEnd.ts"
import type { Process, ProcessOptions } from "./Process.ts"
import type { SeededRandom } from "./SeededRandom.ts"

/** Nobody answered: it was down, or went down before it answered. It may have done what was asked. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {}) {}

type Service = Kubernaut.Kubernaut["Service"]

/** Read once for all runs: it is a file of the package and does not change. */
let rules: ReadonlyArray<Rulebook.Rule> | undefined

const chain = ({ scenario }: Setting) => Layer.unwrap(Effect.gen(function*() {
  const history = yield* ActionHistory
  const own = yield* scenario.investigators ?? Effect.succeed([])
  rules ??= (yield* Effect.orDie(Rulebook.standard)).rules
  return InvestigationChain.layer({
    investigators: [...own, RuleInvestigator.make({
      rules,
      successRate: (alertName, action) => Effect.orElseSucceed(history.successRate(alertName, action), () => undefined)
    })],
    evidence: yield* EvidenceGatherer.make()
  })
}))

/** As `cli/Application` has it. */
const serviceLayer = (setting: Setting, farEnds: FarEnds) =>
  Layer.unwrap(Effect.map(makePipeline("kubernetes"), (kubernetes) =>
    Kubernaut.Kubernaut.layer({ ...setting.scenario.service, cluster: "simulated" }).pipe(
      Layer.provide(chain(setting)),
      Layer.provide(ResilientClient.layer(kubernetes)),
      Layer.provide([farEnds.cluster.layer, farEnds.database.layer])
    ))).pipe(Layer.provideMerge(ResilienceEvents.layer))

export class ServiceProcess {
  /** The newest process; it may be down. */
  process: Process | undefined
  /** Times that it was booted. */
  boots = 0
  private readonly setting: Setting
  private readonly options: ProcessOptions
  private readonly random: SeededRandom
  private kubernaut: Service | undefined
  private layer: ReturnType<typeof serviceLayer> | undefined

  constructor(setting: Setting, options: ProcessOptions = {}) {
    this.setting = setting
    this.options = options
    this.random = setting.world.random("restarts")
  }

  /** Boots it for the first time. From then on it is kept running. */
  start(farEnds: FarEnds): void {
    this.layer = serviceLayer(this.setting, farEnds)
    this.boot()
  }

  /** Whether it can be spoken to. */
  get isReady(): boolean {
    return this.kubernaut !== undefined
  }

  /**
   * Asks the service from another process, over a connection that breaks when the service ends. The work goes on in the service when the caller gives up.
   */
  call<A, E>(caller: Process, request: (kubernaut: Service) => Effect.Effect<A, E>): Effect.Effect<A, E | Unreachable> {
    return Effect.callback<A, E | Unreachable>((resume) => {
      const { kubernaut, process } = this
      if (kubernaut === undefined || process === undefined) return resume(Effect.fail(new Unreachable()))
      const cut = process.onEnd(() => caller.post(() => resume(Effect.fail(new Unreachable()))))
      process.fork(request(kubernaut), (exit: Exit.Exit<A, E>) => {
        cut()
        caller.post(() => resume(exit))
      })
    })
  }

  /** What the service says of itself, for the report: no checker may take it for the truth. */
  private tellOf(context: Context.Context<Degradation>): Effect.Effect<void, never, Scope.Scope> {
    const { observations } = this.setting
    const breakers = Context.get(context, ResilienceEvents).listen((event) => {
      if (event._tag !== "BreakerTransition") return
      const { breaker, cause, from, to } = event
      observations.tell({ _tag: "BreakerMoved", breaker, from, to, cause })
    })
    const level = Stream.runForEach(Context.get(context, Degradation).changes, ({ level, reasons }) =>
      Effect.sync(() => observations.tell({ _tag: "LevelIs", level, reasons })))
    return Effect.andThen(breakers, Effect.forkScoped(level))
  }

  private boot(): void {
    const { observations, world } = this.setting
    const service = Effect.scoped(Effect.gen({ self: this }, function*() {
      const context = yield* Layer.build(this.layer!)
      this.kubernaut = Context.get(context, Kubernaut.Kubernaut)
      observations.tell({ _tag: "ProcessReady", process: process.name, number: process.number })
      yield* this.tellOf(context)
      return yield* Effect.never
    }))
    const process = world.boot("service", service, this.options)
    this.process = process
    this.boots++
    observations.tell({ _tag: "ProcessBooted", process: process.name, number: process.number })
    process.onEnd(() => this.ended(process))
  }

  private ended(process: Process): void {
    const { observations, scenario, world } = this.setting
    this.kubernaut = undefined
    if (process.exit?._tag === "Failure" && Cause.hasDies(process.exit.cause)) throw new Error("the service died", { cause: Cause.squash(process.exit.cause) })
    observations.tell({ _tag: "ProcessEnded", process: process.name, number: process.number, how: process.state === "crashed" ? "crashed" : "exited" })
    world.at(world.nowMs + this.random.between(...scenario.restartMs), () => this.boot())
  }
}
