/**
 * Metrics in Prometheus' text format. They are derived from the events of the service, so the stages contain no metrics
 * code.
 *
 * Listeners run synchronously with each event, so none is lost under load. The degradation level has its own stream.
 */

import { Clock, Context, Effect, Layer, Stream } from "effect"
import { Degradation } from "../health/Degradation.ts"
import type { AlertReceived, AlertsTruncated } from "../intake/Intake.ts"
import { InvestigationChain } from "../investigation/InvestigationChain.ts"
import { RemediationEvents } from "../remediation/RemediationEvents.ts"
import type { EventHub } from "../resilience/EventHub.ts"
import * as Monotonic from "../resilience/Monotonic.ts"
import { ResilienceEvents } from "../resilience/ResilienceEvent.ts"
import { Instruments, type Service } from "./Instruments.ts"
import { TraceExport } from "./Tracing.ts"

export interface MetricsOptions {
  readonly services: ReadonlyArray<Service>
  /** Publishes every alert that was received. */
  readonly alerts: EventHub<AlertReceived>
  /** Publishes every post from which its sender left out alerts. */
  readonly truncated: EventHub<AlertsTruncated>
  /** Whether the emergency stop is set; `undefined` if that is not known. Default: not known. */
  readonly emergencyStop?: Effect.Effect<boolean | undefined>
  /** Publishes whether the database stores alerts, at each change. */
  readonly storage?: Pick<EventHub<{ readonly _tag: "Up" | "Down" }>, "listen">
}

export class Metrics extends Context.Service<
  Metrics,
  {
    readonly expose: Effect.Effect<{ readonly text: string; readonly contentType: string }>
    /** Follows the degradation level forever. Run it as a supervised child. */
    readonly run: Effect.Effect<void>
  }
>()("kubernaut/telemetry/Metrics") {}

export const layer = (options: MetricsOptions) =>
  Layer.effect(
    Metrics,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const traces = yield* TraceExport
      const instruments = new Instruments({
        services: options.services,
        nowMs: () => Monotonic.nowMsUnsafe(clock),
        spansDropped: traces.dropped
      })
      const degradation = yield* Degradation
      yield* (yield* ResilienceEvents).listen(instruments.onResilience)
      yield* (yield* RemediationEvents).listen(instruments.onRemediation)
      yield* (yield* InvestigationChain).fallbacks.listen(instruments.onFallback)
      if (options.storage !== undefined)
        yield* options.storage.listen(({ _tag }) => instruments.onStorage(_tag === "Up"))
      yield* options.alerts.listen(({ ended, status }) => {
        instruments.onAlert(status)
        if (ended !== undefined) instruments.onEnded(ended)
      })
      yield* options.truncated.listen(({ count }) => instruments.onTruncated(count))
      return Metrics.of({
        expose: Effect.gen(function* () {
          instruments.onEmergencyStop(yield* options.emergencyStop ?? Effect.undefined)
          const text = yield* Effect.promise(() => instruments.expose())
          return { text, contentType: instruments.registry.contentType }
        }),
        run: Stream.runForEach(degradation.changes, ({ level }) => Effect.sync(() => instruments.onLevel(level)))
      })
    })
  )
