/**
 * Metrics in Prometheus' text format. They are derived from the events of the service, so the stages contain no metrics
 * code.
 *
 * Listeners run synchronously with each event, so none is lost under load. What holds now is read at each scrape.
 */

import { Clock, Context, Effect, Layer, Option } from "effect"
import { toMillis } from "../domain/Timestamp.ts"
import { Degradation } from "../health/Degradation.ts"
import { HealthSupervisor } from "../health/HealthSupervisor.ts"
import { Watchdog } from "../health/Watchdog.ts"
import type { AlertReceived, AlertsTruncated } from "../intake/Intake.ts"
import type { Posted } from "../intake/PostTimes.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import { SpendMeter } from "../investigation/spend/SpendMeter.ts"
import { Notifications } from "../notification/Notifications.ts"
import { RemediationEvents } from "../remediation/RemediationEvents.ts"
import type { EventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { Figures } from "../storage/Figures.ts"
import { RemediationStore } from "../storage/RemediationStore.ts"
import { AlertSpool, type SpoolStatus } from "../storage/spool/AlertSpool.ts"
import { StandingOrders } from "../storage/StandingOrders.ts"
import { StorageHealth } from "../storage/StorageHealth.ts"
import { Instruments, type InstrumentsOptions, type Standing } from "./Instruments.ts"
import { TraceExport } from "./Tracing.ts"

export interface MetricsOptions extends Pick<InstrumentsOptions, "build" | "services"> {
  /** Publishes every alert that was received. */
  readonly alerts: EventHub<AlertReceived>
  /** Publishes every post from which its sender left out alerts. */
  readonly truncated: EventHub<AlertsTruncated>
  /** Publishes every post, when it is answered. */
  readonly posts: EventHub<Posted>
}

export class Metrics extends Context.Service<
  Metrics,
  {
    readonly expose: Effect.Effect<{ readonly text: string; readonly contentType: string }>
  }
>()("kubernaut/telemetry/Metrics") {}

const unlessItFails = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A | undefined> =>
  Effect.orElseSucceed(effect, () => undefined)

/** What waits for each sink. One of which that cannot be read is left out. */
const waitingFor = ({ breakers, statusOf }: Notifications["Service"], nowMs: number) =>
  Effect.map(
    Effect.forEach([...breakers.keys()], (sink) => statusOf(sink)),
    (found): NonNullable<Standing["notifications"]> =>
      found.flatMap(({ backlog, sink }) =>
        backlog === undefined
          ? []
          : [
              {
                sink,
                waiting: backlog.waiting,
                ...(backlog.since === undefined ? {} : { oldestMs: Math.max(0, nowMs - toMillis(backlog.since)) })
              }
            ]
      )
  )

/** What waits in the spool. */
export const spoolOf = ({ alerts, fault, since }: SpoolStatus, nowMs: number): NonNullable<Standing["spool"]> => ({
  alerts,
  isUsable: fault === undefined,
  ...(since === undefined ? {} : { oldestMs: Math.max(0, nowMs - toMillis(since)) })
})

/** What holds now. What cannot be read is left out. */
const makeStanding = Effect.gen(function* () {
  const degradation = yield* Degradation
  const figures = yield* Figures
  const health = yield* StorageHealth
  const supervisor = yield* HealthSupervisor
  const watchdog = yield* Effect.serviceOption(Watchdog)
  const sinks = yield* Effect.serviceOption(Notifications)
  const spool = yield* Effect.serviceOption(AlertSpool)
  const orders = yield* StandingOrders
  const store = yield* RemediationStore
  const now = Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const { level } = yield* degradation.current
    const { _tag } = yield* health.status
    const backlog = yield* store.backlog
    const findings = yield* supervisor.findings
    const watchdogAgeMs = Option.isNone(watchdog) ? undefined : yield* watchdog.value.ageMs
    const notifications = Option.isNone(sinks) ? [] : yield* waitingFor(sinks.value, nowMs)
    const stop = yield* unlessItFails(orders.current("emergency-stop"))
    const found = yield* unlessItFails(figures.current)
    const oldest = yield* unlessItFails(store.reviews(1))
    const since = oldest?.[0]?.since
    return {
      level,
      storageUp: _tag === "Up",
      backlog,
      findings,
      notifications,
      ...(Option.isNone(spool) ? {} : { spool: spoolOf(yield* spool.value.status, nowMs) }),
      ...(watchdogAgeMs === undefined ? {} : { watchdogAgeMs }),
      ...(stop === undefined ? {} : { emergencyStop: Option.isSome(stop) }),
      ...(found === undefined ? {} : { figures: found }),
      ...(oldest === undefined
        ? {}
        : { oldestReviewMs: since === undefined ? 0 : Math.max(0, nowMs - toMillis(since)) })
    } satisfies Standing
  })
  return { now }
})

export const layer = ({ alerts, posts, truncated, ...options }: MetricsOptions) =>
  Layer.effect(
    Metrics,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const traces = yield* TraceExport
      const instruments = new Instruments({
        ...options,
        nowMs: () => Monotonic.nowMsUnsafe(clock),
        spansDropped: traces.dropped
      })
      const standing = yield* makeStanding
      yield* (yield* ResilienceEvents).listen(instruments.onResilience)
      yield* (yield* RemediationEvents).listen(instruments.onRemediation)
      const { fallbacks, hedges } = yield* InvestigationChain
      yield* fallbacks.listen(instruments.onFallback)
      yield* hedges.listen(instruments.onHedge)
      yield* (yield* SpendMeter).events.listen(instruments.onSpend)
      yield* (yield* Degradation).recoveries.listen(instruments.onRecovered)
      yield* (yield* StorageHealth).changes.listen(({ _tag }) => instruments.onStorage(_tag === "Up"))
      yield* (yield* HealthSupervisor).changes.listen(instruments.onFinding)
      yield* alerts.listen(({ ended, status }) => {
        instruments.onAlert(status)
        if (ended !== undefined) instruments.onEnded(ended)
      })
      yield* truncated.listen(({ count }) => instruments.onTruncated(count))
      yield* posts.listen(instruments.onPosted)
      return Metrics.of({
        expose: Effect.gen(function* () {
          const now = yield* standing.now
          const text = yield* Effect.promise(() => instruments.expose(now))
          return { text, contentType: instruments.registry.contentType }
        })
      })
    })
  )
