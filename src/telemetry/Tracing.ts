/**
 * Traces over OTLP/HTTP.
 *
 * Without an endpoint nothing is exported and Effect's own tracer gives the ids, so logs and remediations carry a trace
 * id all the same. With one, each span of that tracer is sent when it has ended: the tracer in force makes the spans,
 * here they are only listened to.
 *
 * **A receiver that is down must not hurt.** See `SpanSender`: nobody waits, the queue is bounded, what is dropped is
 * counted. The first failure to export is logged, and that it works again, not each one between.
 */

import { Context, Effect, type Exit, Layer, Tracer } from "effect"
import type { HttpClient } from "effect/http"
import { encode } from "./OtlpSpan.ts"
import * as SpanSender from "./SpanSender.ts"

export interface TracingOptions {
  /** The base address of an OTLP/HTTP receiver, e.g. `http://localhost:4318`; spans go to `/v1/traces` under it. */
  readonly endpoint: string
  readonly serviceVersion: string
  readonly clusterName: string
  /** Spans that wait at most. Default 8,192: a minute of some hundred remediations. */
  readonly queueCapacity?: number
  /** Default 512. */
  readonly batchSize?: number
  /** Default 5 s. */
  readonly scheduledDelayMs?: number
  /** How long one request may take. Default 10 s. */
  readonly exportTimeoutMs?: number
}

/** How exporting goes. */
export class TraceExport extends Context.Service<
  TraceExport,
  {
    /** Spans that were dropped: the queue was full, or the receiver refused them. */
    readonly dropped: () => number
  }
>()("kubernaut/telemetry/Tracing/TraceExport") {
  /** Where nothing is exported nothing is dropped. */
  static readonly layerNone: Layer.Layer<TraceExport> = Layer.succeed(TraceExport, { dropped: () => 0 })
}

/** How long the end of the service may be held up. */
const shutdownTimeoutMs = 3_000

/** A tracer that makes the spans of another, and tells of each that has ended. */
export const listening = (tracer: Tracer.Tracer, ended: (span: Tracer.Span) => void): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      const span = tracer.span(options)
      if (!options.sampled) return span
      const end = span.end.bind(span)
      span.end = (time: bigint, exit: Exit.Exit<unknown, unknown>) => {
        if (span.status._tag === "Ended") return
        end(time, exit)
        ended(span)
      }
      return span
    },
    ...(tracer.context === undefined ? {} : { context: tracer.context })
  })

/** Exports the spans of the tracer in force. */
export const layer = (options: TracingOptions): Layer.Layer<TraceExport, never, HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const sender = yield* SpanSender.make({
        url: `${options.endpoint.replace(/\/$/, "")}/v1/traces`,
        resource: {
          serviceName: "kubernaut",
          serviceVersion: options.serviceVersion,
          attributes: { "k8s.cluster.name": options.clusterName }
        },
        queueCapacity: options.queueCapacity ?? 8192,
        batchSize: options.batchSize ?? 512,
        scheduledDelayMs: options.scheduledDelayMs ?? 5000,
        exportTimeoutMs: options.exportTimeoutMs ?? 10_000,
        shutdownTimeoutMs
      })
      const tracer = listening(yield* Effect.tracer, (span) => {
        const encoded = encode(span)
        if (encoded !== undefined) sender.push(encoded)
      })
      return Context.make(TraceExport, { dropped: sender.dropped }).pipe(Context.add(Tracer.Tracer, tracer))
    })
  )
