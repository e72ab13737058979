/**
 * The health check that sends a synthetic alert the whole way: intake, journal, investigation, decision, end.
 *
 *     the service itself        1. the database stores an alert, in the tables of alerts, and takes it back
 *                               2. an actor has a turn in the queue in which alerts wait
 *     a journey of its own      3. intake -> journal -> rules -> decision -> end
 *
 * **The journey is made of the same parts with the same options**, and of the level and the orders that hold. Its
 * journal is a database in memory, its cluster an empty one in memory, and its only investigator the rules. Both are
 * discarded when it ends.
 *
 * **Nothing can come of it**, because nothing that could be affected is reachable from there: `apart` takes every
 * service of this process out of its context. So it is in no list, count, metric, trace, audit line or notification, it
 * asks no model, writes to no cluster, and a restart finds nothing of it.
 *
 * | while                                 | the check is                                                      |
 * | ------------------------------------- | ----------------------------------------------------------------- |
 * | mode `observe`, or the emergency stop | healthy: its alert ends with a person, as one without a rule does |
 * | level 3                               | healthy, and says that alerts are stored and not investigated     |
 * | the database stores nothing           | unhealthy: the alert is not stored                                |
 * | no actor has a turn                   | unhealthy: the alert is stored, and nobody takes it up            |
 * | only critical alerts have a turn      | unhealthy when no other one has begun for five minutes            |
 */

import { Context, Deferred, Duration, Effect, Exit, Layer, Option, References, Scope, Stream } from "effect"
import { isMonitorOnly } from "../domain/Alert.ts"
import { isFinal, type JournalEntry, type Remediation, type RemediationId } from "../domain/Remediation.ts"
import { allowanceMs } from "../domain/Urgency.ts"
import { type Check, healthy, type Outcome, unhealthy } from "../health/Check.ts"
import { Degradation } from "../health/Degradation.ts"
import { HealthSupervisor } from "../health/HealthSupervisor.ts"
import { defaultClusterLabels } from "../intake/AlertCluster.ts"
import type { Webhook } from "../intake/AlertmanagerWebhook.ts"
import * as Intake from "../intake/Intake.ts"
import type { KubernautOptions } from "../KubernautOptions.ts"
import * as Sandbox from "../kubernetes/Sandbox.ts"
import { RemediationActors } from "../remediation/RemediationActors.ts"
import * as RemediationEvents from "../remediation/RemediationEvents.ts"
import * as EventHub from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import * as ResilienceEvent from "../resilience/ResilienceEvent.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import * as Storage from "../storage/Storage.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import { cluster } from "./ClusterParts.ts"
import { chain } from "./InvestigationParts.ts"
import { actors } from "./RemediationParts.ts"
import { spend } from "./SpendParts.ts"

type Options = KubernautOptions<unknown, unknown>

/** How long an actor may take to have a turn, and the journey to end. */
const within = Duration.seconds(20)

/** When a warning is due at the latest. Until then others may keep the places that it may have. */
const ordinaryWithinMs = allowanceMs.warning

/** The context without the services of this process. */
export const apart = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E> =>
  Effect.updateContext(effect, (context: Context.Context<never>) =>
    // What the effect needs is provided within it; what is left are the clock, the randomness and the like.
    Context.makeUnsafe<R>(new Map([...context.mapUnsafe].filter(([key]) => !key.startsWith("kubernaut/"))))
  )

/** The level that holds, for reading: what the journey finds out about its empty cluster says nothing. */
const readOnlyLevel = ({ current }: Degradation["Service"]): Degradation["Service"] => ({
  current,
  changes: Stream.empty,
  doubt: () => Effect.void,
  refresh: Effect.void,
  dismiss: () => Effect.succeed([]),
  exhausted: Effect.void,
  recoveries: EventHub.make(),
  run: Effect.never
})

/** The orders that stand, for reading. */
const readOnlyOrders = ({ current }: StandingOrders["Service"]): StandingOrders["Service"] => ({
  current,
  give: () => Effect.die("the synthetic alert gives no order"),
  takeBack: () => Effect.die("the synthetic alert takes back no order")
})

/** What intake is told about alerts, without its listeners. */
const intakeOf = ({ intake = {} }: Options): Omit<Intake.IntakeOptions, "cluster" | "onAccepted"> => {
  const { onPosted: _, onReceived: _1, onTruncated: _2, ...rest } = intake
  return rest
}

const parts = (options: Options, level: Degradation["Service"], orders: StandingOrders["Service"]) => {
  const { cluster: name, guardrails, mode, rules } = options
  const given: KubernautOptions<never, never> = {
    cluster: name,
    ...(guardrails === undefined ? {} : { guardrails }),
    ...(mode === undefined ? {} : { mode }),
    ...(rules === undefined ? {} : { rules })
  }
  return Layer.unwrap(
    Effect.map(RemediationActors, ({ fire }) =>
      Intake.layer({
        ...intakeOf(options),
        cluster: name,
        onAccepted: (targets, severities) =>
          Effect.forEach(targets, (target) => fire(target, severities.get(target)), { discard: true })
      })
    )
  ).pipe(
    Layer.provideMerge(actors(given)),
    Layer.provide([
      Layer.succeed(Degradation, readOnlyLevel(level)),
      Layer.succeed(StandingOrders, readOnlyOrders(orders))
    ]),
    Layer.provideMerge(Layer.merge(RemediationEvents.layer, chain(given))),
    Layer.provideMerge(spend(given)),
    Layer.provideMerge(cluster(given)),
    Layer.provideMerge(Layer.merge(Sandbox.layer({ shop: false, nodes: 1 }), Storage.layerMemory)),
    Layer.provideMerge(ResilienceEvent.layer)
  )
}

/** A target that does not exist, so that the alert ends with a person, whatever the rulebook proposes for it. */
const webhookFor = ({ cluster, intake: { clusterLabels = defaultClusterLabels } = {} }: Options): Webhook => ({
  version: "4",
  status: "firing",
  alerts: [
    {
      status: "firing",
      fingerprint: "kubernaut-pipeline-check",
      labels: {
        alertname: "KubernautPipelineCheck",
        severity: "warning",
        namespace: "kubernaut-pipeline-check",
        deployment: "none",
        ...(clusterLabels[0] === undefined ? {} : { [clusterLabels[0]]: cluster })
      },
      startsAt: "2026-01-01T00:00:00Z"
    }
  ]
})

/** What has become of the alert when its time was over. */
const stuckAfter: Readonly<Record<string, string>> = {
  Accepted: "is accepted and journaled, and no actor has begun to work on it",
  Started: "is accepted and journaled, and its investigation does not end",
  Investigated: "is investigated, and no decision is made",
  Decided: "is decided, and does not end"
}

interface Journey {
  readonly journal: ReadonlyArray<JournalEntry>
  readonly after: Remediation | undefined
  /** The first line of its audit log that is broken, if any. */
  readonly broken: number | undefined
}

const isSettled = ({ state }: Remediation): boolean => isFinal(state) || state === "AwaitingReview"

/** Sends the alert, and returns what there is of it when it has ended, or when its time is over. */
const travel = (webhook: Webhook) =>
  Effect.gen(function* () {
    const { receive } = yield* Intake.Intake
    const store = yield* RemediationStore
    const events = yield* RemediationEvents.RemediationEvents
    const ended = yield* Deferred.make<void>()
    yield* events.listen(({ remediation }) => {
      if (isSettled(remediation)) Deferred.doneUnsafe(ended, Exit.void)
    })
    const [result] = (yield* receive(webhook, "pipeline-check")).results
    const id: RemediationId | undefined = result?.remediationId
    if (id === undefined) return undefined
    const first = yield* store.get(id)
    // One that is only recorded ends in the commit that accepts it.
    if (!Option.exists(first, isSettled)) yield* Effect.timeoutOption(Deferred.await(ended), within)
    return {
      journal: yield* store.journal(id),
      after: Option.getOrUndefined(yield* store.get(id)),
      broken: yield* (yield* AuditLog).verify
    } satisfies Journey
  })

/** What a journey means. Pure. */
export const outcomeOf = (journey: Journey | undefined, level: number, tookMs: number): Outcome => {
  if (journey === undefined) return unhealthy("a synthetic alert was not accepted")
  const { after, broken, journal } = journey
  const last = journal.at(-1)?.event._tag ?? ""
  if (after === undefined || !isSettled(after))
    return unhealthy(`a synthetic alert ${stuckAfter[last] ?? `is stuck after ${last}`}`)
  if (broken !== undefined) return unhealthy(`the audit log of a synthetic alert is broken at line ${broken}`)
  if (after.executions.length > 0) return unhealthy("an action was planned for a synthetic alert without a target")
  if (isMonitorOnly(after.alert.severity) || after.state === "Observed")
    return healthy(`a synthetic alert was accepted, journaled and observed in ${tookMs} ms`)
  const isInvestigated = after.investigation !== undefined
  if (level < 3 && !isInvestigated) return unhealthy("the rules have not investigated a synthetic alert")
  return healthy(
    isInvestigated
      ? `a synthetic alert was accepted, journaled, investigated by the rules and decided in ${tookMs} ms`
      : `a synthetic alert was accepted, journaled and decided in ${tookMs} ms; at level 3 none is investigated`
  )
}

/** The journey in parts of its own. `Storage.layerMemory` may be what the service itself uses, so nothing is shared. */
const journey = (options: Options, level: Degradation["Service"], orders: StandingOrders["Service"]) =>
  apart(
    Effect.scoped(
      Effect.gen(function* () {
        const scope = yield* Scope.Scope
        const context = yield* Layer.buildWithMemoMap(parts(options, level, orders), Layer.makeMemoMapUnsafe(), scope)
        return yield* Effect.provideContext(travel(webhookFor(options)), context)
      })
    )
  ).pipe(Effect.withTracerEnabled(false), Effect.provideService(References.MinimumLogLevel, "Warn"))

/**
 * Returns for how many milliseconds no alert that is not critical has begun, although this waits to. It waits for one
 * turn at a time, from run to run.
 */
const ordinaryTurn = (turn: RemediationActors["Service"]["turn"], scope: Scope.Scope) => {
  let sinceMs: number | undefined
  return Effect.gen(function* () {
    const nowMs = yield* Monotonic.nowMs
    if (sinceMs === undefined) {
      sinceMs = nowMs
      const had = Effect.sync(() => (sinceMs = undefined))
      yield* Effect.forkIn(Effect.ensuring(turn("warning"), had), scope, { startImmediately: true })
    }
    return sinceMs === undefined ? 0 : nowMs - sinceMs
  })
}

const make = Effect.fnUntraced(function* (
  options: Options,
  interval: Duration.Input
): Effect.fn.Return<Check, never, Degradation | RemediationActors | Scope.Scope | StandingOrders> {
  const degradation = yield* Degradation
  const orders = yield* StandingOrders
  const { turn } = yield* RemediationActors
  const noneBegan = ordinaryTurn(turn, yield* Scope.Scope)
  const storage = Option.getOrUndefined(yield* Effect.serviceOption(StorageHealth))
  const run = Effect.gen(function* () {
    const startedMs = yield* Monotonic.nowMs
    const stored = storage === undefined ? undefined : yield* storage.check
    if (stored?._tag === "Down") return unhealthy(`a synthetic alert is not stored: ${stored.message}`)
    if (Option.isNone(yield* Effect.timeoutOption(turn("critical"), within)))
      return unhealthy(`a synthetic alert is stored, and no actor takes it up within ${Duration.toSeconds(within)} s`)
    const waitedMs = yield* noneBegan
    if (waitedMs >= ordinaryWithinMs)
      return unhealthy(`critical alerts only: no other alert has been taken up for ${Math.floor(waitedMs / 1000)} s`)
    const { level } = yield* degradation.current
    const made = yield* journey(options, degradation, orders)
    return outcomeOf(made, level, (yield* Monotonic.nowMs) - startedMs)
  })
  return {
    name: "pipeline",
    layer: "integration",
    interval,
    // The database, the turn and the journey have limits of their own, which say more.
    timeout: Duration.sum(Duration.times(within, 2), Duration.seconds(15)),
    run: Effect.catch(run, (error) => Effect.succeed(unhealthy(`a synthetic alert failed: ${String(error)}`)))
  }
})

/** Adds the check, where the options ask for it. */
export const pipelineCheck = (options: Options) => {
  const interval = options.health?.pipelineCheck
  return interval === undefined
    ? Layer.empty
    : Layer.effectDiscard(
        Effect.gen(function* () {
          const { add } = yield* HealthSupervisor
          yield* add(yield* make(options, interval))
        })
      )
}
