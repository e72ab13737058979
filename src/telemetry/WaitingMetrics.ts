/**
 * The metrics while the database cannot be opened: that it stores nothing, what waits in the spool, and what is
 * received. The counters begin again when the service starts, as with a new process.
 */

import { Clock, Effect, Layer, Option } from "effect"
import * as Monotonic from "../resilience/Monotonic.ts"
import { AlertSpool } from "../storage/spool/AlertSpool.ts"
import { Instruments } from "./Instruments.ts"
import { Metrics, type MetricsOptions, spoolOf } from "./Metrics.ts"
import { TraceExport } from "./Tracing.ts"

export const layer = ({
  alerts,
  build,
  posts,
  truncated
}: Omit<MetricsOptions, "services">): Layer.Layer<Metrics, never, TraceExport> =>
  Layer.effect(
    Metrics,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const spool = yield* Effect.serviceOption(AlertSpool)
      const instruments = new Instruments({
        services: [],
        nowMs: () => Monotonic.nowMsUnsafe(clock),
        spansDropped: (yield* TraceExport).dropped,
        ...(build === undefined ? {} : { build })
      })
      yield* alerts.listen(({ status }) => instruments.onAlert(status))
      yield* truncated.listen(({ count }) => instruments.onTruncated(count))
      yield* posts.listen(instruments.onPosted)
      return Metrics.of({
        expose: Effect.gen(function* () {
          const nowMs = yield* Clock.currentTimeMillis
          const waiting = Option.isNone(spool) ? {} : { spool: spoolOf(yield* spool.value.status, nowMs) }
          const text = yield* Effect.promise(() => instruments.expose({ level: 3, storageUp: false, ...waiting }))
          return { text, contentType: instruments.registry.contentType }
        })
      })
    })
  )
