/**
 * The receiver of the service's traces: a simulated `SpanExporter`. The service's real `Tracing` runs on it when the
 * scenario has telemetry; otherwise none of this is built.
 *
 * It observes both ends: it counts the spans that end in the service and the spans that arrive here. Only the service
 * knows which of the others were dropped, and reports them through `TraceExport`. The invariant derives the length of
 * the queue from these counts.
 */

import { Context, Effect, type Exit, Layer, Tracer } from "effect"
import { type ExportOutcome, outcomeOf, SpanExporter } from "../../telemetry/SpanExporter.ts"
import * as Tracing from "../../telemetry/Tracing.ts"
import type { SeededRandom } from "../engine/SeededRandom.ts"
import type { ExportEnding } from "../observation/Observation.ts"
import { watchText } from "../observation/TextWatch.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { ActiveFaults } from "./paths/ActiveFaults.ts"

/** How the collector replies to a batch. */
export type SinkReply =
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter?: string }
  /** The connection is refused. */
  | { readonly _tag: "Down" }

/** Changes the reply to a batch. Several faults nest. */
export type SinkFault = (reply: Effect.Effect<SinkReply>) => Effect.Effect<SinkReply>

/** A small queue, which an outage of some minutes fills. */
export const queueCapacity = 500

/** Time limit of one export. */
export const exportTimeoutMs = 10_000

interface Account {
  readonly process: number
  made: number
  received: number
  exports: number
  dropped: () => number
}

const taken: SinkReply = { _tag: "Status", status: 200 }

const endings = { Exported: "taken", Rejected: "refused", Unavailable: "not-now" } as const satisfies Record<
  ExportOutcome["_tag"],
  ExportEnding
>

/** What the service's own exporter makes of a reply. */
const outcomeOfReply = (reply: SinkReply): ExportOutcome =>
  reply._tag === "Down" ? { _tag: "Unavailable" } : outcomeOf(reply.status, reply.retryAfter)

/** The same tracer, which also calls `ended` once for each sampled span that ends. */
const listening = (tracer: Tracer.Tracer, ended: (span: Tracer.Span) => void): Tracer.Tracer =>
  Tracer.make({
    ...tracer,
    span: (options) => {
      const span = tracer.span(options)
      if (!span.sampled) return span
      const end = span.end.bind(span)
      span.end = (time: bigint, exit: Exit.Exit<unknown, unknown>) => {
        if (span.status._tag === "Ended") return
        end(time, exit)
        ended(span)
      }
      return span
    }
  })

export class TelemetrySink implements FarEnd {
  readonly name = "telemetrySink"
  /** For the service; each boot has an account of its own. */
  readonly tracing: Layer.Layer<never>
  private readonly setting: Setting
  private readonly random: SeededRandom
  private readonly faults = new ActiveFaults<SinkFault>()
  private accounts = 0

  constructor(setting: Setting) {
    this.setting = setting
    this.random = setting.world.random("telemetry sink")
    this.tracing = Layer.unwrap(Effect.sync(() => this.connect()))
  }

  /** Applies `fault` until the returned function is called. */
  disturb(fault: SinkFault): () => void {
    return this.faults.add(fault)
  }

  private connect(): Layer.Layer<never> {
    const account: Account = { process: ++this.accounts, made: 0, received: 0, exports: 0, dropped: () => 0 }
    const { observations, scenario } = this.setting
    const watch = scenario.watchesText === true ? watchText(observations).onSpan : () => undefined
    const counting = Layer.effect(
      Tracer.Tracer,
      Effect.map(Effect.tracer, (tracer) =>
        listening(tracer, (span) => {
          account.made++
          watch(span)
        })
      )
    )
    const tracing = Tracing.layer({
      serviceName: "kubernaut",
      serviceVersion: "simulated",
      attributes: {},
      queueCapacity,
      exportTimeoutMs
    }).pipe(
      Layer.tap((context) =>
        Effect.sync(() => {
          account.dropped = Context.get(context, Tracing.TraceExport).dropped
        })
      ),
      Layer.provide(
        Layer.succeed(SpanExporter, {
          destination: "simulated",
          export: (spans) => this.take(account, spans.length)
        })
      )
    )
    return Layer.provide(counting, tracing) as Layer.Layer<never>
  }

  private take(account: Account, spans: number): Effect.Effect<ExportOutcome> {
    const { observations, scenario } = this.setting
    return Effect.suspend(() => {
      const about = { process: account.process, number: ++account.exports, spans }
      observations.publish({ _tag: "ExportBegan", ...about })
      const told = (ending: ExportEnding) => {
        if (ending === "taken") account.received += spans
        const { dropped, made, received } = account
        observations.publish({ _tag: "ExportEnded", ...about, ending, made, received, dropped: dropped() })
      }
      let reply: Effect.Effect<SinkReply> = Effect.succeed(taken)
      for (const fault of this.faults) reply = fault(reply)
      const underWay = Effect.suspend(() => Effect.sleep(this.random.between(...scenario.clusterLatencyMs)))
      return Effect.andThen(underWay, reply).pipe(
        Effect.map(outcomeOfReply),
        Effect.onInterrupt(() => Effect.sync(() => told("given-up"))),
        Effect.tap((outcome) => Effect.sync(() => told(endings[outcome._tag])))
      )
    })
  }
}
