/**
 * The process under test: the real service (`Kubernaut.layer`) without HTTP, on simulated far ends. When it ends, it is
 * restarted after a while, as by a kubelet.
 */

import { Cause, Context, Effect, Layer, Stream, type Exit, type Scope } from "effect"
import type { Mode } from "../../domain/Mode.ts"
import { Degradation } from "../../health/Degradation.ts"
import { HealthSupervisor } from "../../health/HealthSupervisor.ts"
import { InvestigationChain } from "../../investigation/InvestigationChain.ts"
import type { Investigator } from "../../investigation/Investigator.ts"
import * as HolmesGptInvestigator from "../../investigation/models/HolmesGptInvestigator.ts"
import * as LlmInvestigator from "../../investigation/models/LlmInvestigator.ts"
import { estimate as countTokens } from "../../investigation/models/Tokenizer.ts"
import * as Rulebook from "../../investigation/rules/Rulebook.ts"
import * as Kubernaut from "../../Kubernaut.ts"
import { RemediationActors } from "../../remediation/RemediationActors.ts"
import { Reviews } from "../../remediation/Reviews.ts"
import { RollbackRequests } from "../../remediation/RollbackRequests.ts"
import type { CircuitBreaker } from "../../resilience/breaker/CircuitBreaker.ts"
import { make as makeHub } from "../../resilience/EventHub.ts"
import type { Bulkhead } from "../../resilience/pipeline/Bulkhead.ts"
import { type ResilienceEvent, ResilienceEvents } from "../../resilience/ResilienceEvent.ts"
import { AuditLog } from "../../storage/AuditLog.ts"
import { RemediationStore } from "../../storage/RemediationStore.ts"
import { StandingOrders } from "../../storage/StandingOrders.ts"
import { StorageHealth } from "../../storage/StorageHealth.ts"
import type { Process, ProcessOptions } from "../engine/Process.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { Setting } from "../farEnds/FarEnd.ts"
import { hedgingOf } from "../farEnds/Hedging.ts"
import { sharesAccount } from "../farEnds/LanguageModels.ts"
import { budgetsOf, holmesGptEstimate, prices } from "../farEnds/ModelSpend.ts"
import { type OperatorApi, type ServiceConnection, Unreachable } from "../farEnds/ServiceConnection.ts"
import type { ServiceControl } from "../farEnds/ServiceControl.ts"
import { publishAnswer, publishCrash } from "../observation/TextWatch.ts"
import type { LanguageModelPort, ServicePorts } from "./ServicePorts.ts"
import { watchForSilence } from "./WatchForSilence.ts"

type Service = Kubernaut.Kubernaut["Service"]

/** Read once for all runs, from a file of the package. */
let rules: ReadonlyArray<Rulebook.Rule> | undefined
const standardRules = Effect.suspend(() =>
  rules === undefined
    ? Effect.orDie(Effect.map(Rulebook.standard, (standard) => (rules = standard.rules)))
    : Effect.succeed(rules)
)

/** The model tiers: each is the real investigator on its simulated far end. */
const models = (
  setting: Setting,
  { holmesgpt: { apiKey, layer, url }, languageModels: { alpha, beta } }: ServicePorts
): Effect.Effect<ReadonlyArray<Investigator>> => {
  const shared = sharesAccount(setting) ? { account: "shared", host: "models.example" } : {}
  const llm = (provider: "alpha" | "beta", { layer, probe }: LanguageModelPort) =>
    LlmInvestigator.make({ provider, probe, price: prices[provider], countTokens, ...shared }).pipe(
      Effect.provide(layer)
    )
  const estimate = holmesGptEstimate
  const made = {
    holmesgpt: HolmesGptInvestigator.make({ url, apiKey, estimate, price: prices.holmesgpt, countTokens }).pipe(
      Effect.provide(layer)
    ),
    "llm:alpha": llm("alpha", alpha),
    "llm:beta": llm("beta", beta)
  }
  return Effect.forEach(setting.scenario.tiers ?? [], (tier) => made[tier])
}

/** The models of the scenario, then its own investigators. */
const investigators = (setting: Setting, ports: ServicePorts) =>
  Effect.zipWith(
    models(setting, ports),
    setting.scenario.investigators ?? Effect.succeed([]),
    (tiers, own): ReadonlyArray<Investigator> => [...tiers, ...own]
  )

const serviceLayer = (setting: Setting, ports: ServicePorts, mode: Mode) =>
  Layer.unwrap(
    Effect.map(standardRules, (rules) => {
      // The breaker of Alertmanager publishes there too.
      const events = makeHub<ResilienceEvent>()
      const hedge = hedgingOf(setting)
      return Kubernaut.layer({
        ...setting.scenario.service,
        investigation: { ...setting.scenario.service.investigation, ...(hedge === undefined ? {} : { hedge }) },
        spend: { ...setting.scenario.service.spend, budgets: budgetsOf(setting) },
        ...(ports.pressure === undefined ? {} : { health: { pressure: ports.pressure } }),
        events,
        mode,
        cluster: "simulated",
        rules,
        investigators: investigators(setting, ports)
      }).pipe(
        Layer.provide([ports.cluster, ports.spool, ports.notifications]),
        Layer.provideMerge(Layer.provide(ports.alerts, Layer.succeed(ResilienceEvents, events))),
        Layer.provideMerge(ports.storage)
      )
    })
  )

/** A process that lives for this long is not in a restart loop. */
const steadyMs = 60_000
const mostBackOffMs = 80_000

export class ServiceProcess implements ServiceConnection, ServiceControl {
  process: Process | undefined
  boots = 0
  private readonly setting: Setting
  private readonly options: ProcessOptions
  private readonly random: SeededRandom
  private kubernaut: Service | undefined
  private breaker: CircuitBreaker | undefined
  private models: ReadonlyArray<CircuitBreaker> = []
  private ownBulkheads: ServiceProcess["bulkheads"] = []
  private operatorApi: OperatorApi | undefined
  private isSimulated: ServicePorts["isSimulated"] = () => false
  private bootedMs = 0
  /** The number of short lives in a row. */
  private shortLives = 0
  private readonly ownMode: Mode
  private mode: Mode
  private make: (() => ReturnType<typeof serviceLayer>) | undefined
  private layer: ReturnType<typeof serviceLayer> | undefined

  constructor(setting: Setting, options: ProcessOptions = {}) {
    this.setting = setting
    this.options = options
    this.random = setting.world.random("restarts")
    this.ownMode = setting.scenario.service.mode ?? "observe"
    this.mode = this.ownMode
  }

  /** Boots it for the first time. From then on it is restarted whenever it ends. */
  start(ports: ServicePorts): void {
    this.isSimulated = ports.isSimulated
    this.make = () => {
      const layer = serviceLayer(this.setting, ports, this.mode)
      return this.setting.scenario.telemetry === true ? layer.pipe(Layer.provide(ports.tracing)) : layer
    }
    this.layer = this.make()
    this.boot()
  }

  restartIn(mode: Mode = this.ownMode): void {
    this.mode = mode
    this.layer = this.make?.()
    this.process?.crash()
  }

  get isReady(): boolean {
    return this.kubernaut !== undefined
  }

  call<A, E>(caller: Process, request: (kubernaut: Service) => Effect.Effect<A, E>): Effect.Effect<A, E | Unreachable> {
    return this.connect(caller, () => (this.kubernaut === undefined ? undefined : request(this.kubernaut)))
  }

  callOperatorApi<A, E>(
    caller: Process,
    request: (api: OperatorApi) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | Unreachable> {
    return this.connect(caller, () => (this.operatorApi === undefined ? undefined : request(this.operatorApi)))
  }

  private connect<A, E>(
    caller: Process,
    begin: () => Effect.Effect<A, E> | undefined
  ): Effect.Effect<A, E | Unreachable> {
    return Effect.callback<A, E | Unreachable>((resume) => {
      const { process } = this
      const request = begin()
      if (request === undefined || process === undefined) return resume(Effect.fail(new Unreachable()))
      const cut = process.onEnd(() => caller.post(() => resume(Effect.fail(new Unreachable()))))
      process.fork(request, (exit: Exit.Exit<A, E>) => {
        cut()
        publishAnswer(this.setting.observations, exit)
        caller.post(() => resume(exit))
      })
    })
  }

  /** Publishes what the service reports about itself. A checker must not take it for the truth. */
  private publishState(
    context: Context.Context<Degradation | HealthSupervisor | InvestigationChain>
  ): Effect.Effect<void, never, Scope.Scope> {
    const { observations } = this.setting
    const breakers = Context.get(context, ResilienceEvents).listen((event) => {
      if (event._tag !== "BreakerTransition") return
      const { breaker, cause, from, to } = event
      observations.publish({ _tag: "BreakerMoved", breaker, from, to, cause })
    })
    // A suspension from before the restart was in force before anybody listened.
    const restored = Effect.sync(() => {
      for (const { circuitBreaker } of Context.get(context, InvestigationChain).tiers)
        if (circuitBreaker?.suspendedUnsafe !== undefined)
          observations.publish({
            _tag: "BreakerMoved",
            breaker: circuitBreaker.name,
            from: "Closed",
            to: "Suspended",
            cause: "suspended"
          })
    })
    const level = Stream.runForEach(Context.get(context, Degradation).changes, ({ isCutOff, level, reasons }) =>
      Effect.sync(() => observations.publish({ _tag: "LevelIs", level, reasons, isCutOff }))
    )
    const findings = Context.get(context, HealthSupervisor).changes.listen(({ name, status }) =>
      observations.publish({ _tag: "HealthIs", check: name, status })
    )
    return Effect.all([breakers, findings, restored, Effect.forkScoped(level)], { discard: true })
  }

  pause(forMs: number): void {
    const { process } = this
    if (process?.state !== "running") return
    process.pause(forMs)
    this.setting.observations.publish({ _tag: "ProcessPaused", process: process.name, number: process.number, forMs })
  }

  get activeActors(): number | undefined {
    return this.operatorApi === undefined ? undefined : Effect.runSync(this.operatorApi.actors.active)
  }

  get bulkheads(): ReadonlyArray<{ readonly peer: string; readonly bulkhead: Bulkhead }> {
    return this.isReady ? this.ownBulkheads : []
  }

  operate(operation: (breaker: CircuitBreaker) => Effect.Effect<unknown>): void {
    if (this.breaker !== undefined && this.isReady) this.process?.fork(operation(this.breaker))
  }

  endSuspensions(): void {
    if (!this.isReady) return
    for (const breaker of this.models)
      if (breaker.suspendedUnsafe !== undefined) this.process?.fork(breaker.auto("simulated operator"))
  }

  bootRival(): () => void {
    const rival = this.setting.world.boot(
      "rival",
      Effect.scoped(Effect.andThen(Layer.build(this.layer!), Effect.never)),
      this.options
    )
    return () => rival.crash()
  }

  private boot(): void {
    const { observations, world } = this.setting
    const service = Effect.scoped(
      Effect.gen({ self: this }, function* () {
        const context = yield* Layer.build(this.layer!)
        // It may crash in the step that completes its start. A request to it would then wait for ever.
        if (!process.isAlive) return
        this.kubernaut = Context.get(context, Kubernaut.Kubernaut)
        this.operatorApi = {
          store: Context.get(context, RemediationStore),
          actors: Context.get(context, RemediationActors),
          reviews: Context.get(context, Reviews),
          rollbackRequests: Context.get(context, RollbackRequests),
          degradation: Context.get(context, Degradation),
          health: Context.get(context, HealthSupervisor),
          audit: Context.get(context, AuditLog),
          storage: Context.get(context, StorageHealth),
          orders: Context.get(context, StandingOrders)
        }
        const { bulkhead, circuitBreaker, name } = Context.get(context, Kubernaut.ClusterPipeline)
        this.breaker = circuitBreaker
        const { tiers } = Context.get(context, InvestigationChain)
        this.models = tiers.flatMap((tier) => tier.circuitBreaker ?? [])
        this.ownBulkheads = [{ service: name, bulkhead }, ...tiers].flatMap(({ bulkhead, service }) =>
          bulkhead === undefined ? [] : [{ peer: service, bulkhead }]
        )
        observations.publish({ _tag: "ProcessReady", process: process.name, number: process.number })
        yield* this.publishState(context)
        if (this.setting.scenario.watchdog === true) yield* watchForSilence(context)
        return yield* Effect.never
      })
    )
    const process = world.boot("service", service, this.options)
    this.process = process
    this.boots++
    this.bootedMs = world.nowMs
    observations.publish({ _tag: "ProcessBooted", process: process.name, number: process.number, mode: this.mode })
    process.onEnd(() => this.ended(process))
  }

  private ended(process: Process): void {
    const { observations, scenario, world } = this.setting
    this.kubernaut = undefined
    this.operatorApi = undefined
    if (
      process.exit?._tag === "Failure"
      && Cause.hasDies(process.exit.cause)
      && !this.isSimulated(Cause.squash(process.exit.cause))
    )
      throw new Error("the service died", { cause: Cause.squash(process.exit.cause) })
    if (process.exit !== undefined) publishCrash(observations, process.exit)
    observations.publish({
      _tag: "ProcessEnded",
      process: process.name,
      number: process.number,
      how: process.state === "crashed" ? "crashed" : "exited"
    })
    this.shortLives = world.nowMs - this.bootedMs < steadyMs ? this.shortLives + 1 : 0
    const restartMs = this.random.between(...scenario.restartMs)
    const backOffMs = Math.max(restartMs, Math.min(restartMs * 2 ** (this.shortLives - 1), mostBackOffMs))
    world.at(world.nowMs + backOffMs, () => this.boot())
  }
}
