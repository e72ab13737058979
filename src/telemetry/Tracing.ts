/**
 * Traces over OTLP/HTTP.
 *
 * Without an endpoint nothing is exported and Effect's own tracer gives the ids, so logs and remediations carry a trace id all the same.
 *
 * **A receiver that is down must not hurt.** Spans wait in a queue of bounded length and are sent in batches by a timer; a span that finds the
 * queue full is dropped and counted. The first failure to export is logged, and that it works again, not each one between.
 */
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Context, Effect, Layer } from "effect"

export interface TracingOptions {
  /** The base address of an OTLP/HTTP receiver, e.g. `http://localhost:4318`; spans go to `/v1/traces` under it. */
  readonly endpoint: string
  readonly serviceVersion: string
  readonly clusterName: string
  /** Spans that wait at most. Default 8,192: a minute of some hundred remediations. */
  readonly queueCapacity?: number
  readonly batchSize?: number
  /** Default 5 s. */
  readonly scheduledDelayMs?: number
  /** How long one batch may take, the exporter's own retries included. Default 10 s. */
  readonly exportTimeoutMs?: number
  /** Default: an OTLP exporter to the endpoint. */
  readonly exporter?: SpanExporter
}

/** How exporting goes. */
export class TraceExport extends Context.Service<TraceExport, {
  /** Spans that were dropped: the queue was full, or the receiver refused them. */
  readonly dropped: () => number
}>()("kubernaut/telemetry/Tracing/TraceExport") {
  /** Where nothing is exported nothing is dropped. */
  static readonly layerNone: Layer.Layer<TraceExport> = Layer.succeed(TraceExport, { dropped: () => 0 })
}

/** Success, after OpenTelemetry's `ExportResultCode`. */
const succeeded = 0

/** An exporter that tells when exporting begins to fail and when it works again, and that counts what is lost. */
export const watched = (exporter: SpanExporter, on: {
  readonly done: (spans: number, lost: boolean) => void
  readonly failing: () => void
  readonly working: () => void
}): SpanExporter => {
  let failing = false
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const lost = result.code !== succeeded
        on.done(spans.length, lost)
        if (lost !== failing) {
          failing = lost
          if (lost) on.failing()
          else on.working()
        }
        done(result)
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve()
  }
}

const sampledFlag = 1

/** A processor that never holds more than `capacity` spans and calls `dropped` for each one beyond. */
export const bounded = (inner: SpanProcessor, capacity: number, queue: { waiting: number; dropped: number }): SpanProcessor => ({
  onStart: (span, context) => inner.onStart(span, context),
  onEnd: (span: ReadableSpan) => {
    if ((span.spanContext().traceFlags & sampledFlag) === 0) return
    if (queue.waiting >= capacity) {
      queue.dropped++
      return
    }
    queue.waiting++
    inner.onEnd(span)
  },
  // What is flushed at the end goes to a receiver that may be down: that has been counted and logged, and must not make the stop a failed one.
  forceFlush: () => inner.forceFlush().catch(() => {}),
  shutdown: () => inner.shutdown().catch(() => {})
})

/** Replaces the tracer with one that exports. */
export const layer = (options: TracingOptions): Layer.Layer<TraceExport> =>
  Layer.unwrap(Effect.gen(function*() {
    const context = yield* Effect.context<never>()
    const log = (effect: Effect.Effect<void>) => void Effect.runForkWith(context)(effect)
    const queue = { waiting: 0, dropped: 0 }
    const { exportTimeoutMs = 10_000, queueCapacity: capacity = 8192 } = options
    const exporter = watched(options.exporter ?? new OTLPTraceExporter({ url: `${options.endpoint.replace(/\/$/, "")}/v1/traces`, timeoutMillis: exportTimeoutMs }), {
      done: (spans, lost) => {
        queue.waiting -= spans
        if (lost) queue.dropped += spans
      },
      failing: () => log(Effect.logWarning("Traces cannot be exported; they are dropped until the receiver answers", { endpoint: options.endpoint })),
      working: () => log(Effect.logInfo("Traces are exported again", { endpoint: options.endpoint, dropped: queue.dropped }))
    })
    const batches = new BatchSpanProcessor(exporter, {
      maxQueueSize: capacity,
      maxExportBatchSize: options.batchSize ?? 512,
      scheduledDelayMillis: options.scheduledDelayMs ?? 5000,
      exportTimeoutMillis: exportTimeoutMs + 2000
    })
    const sdk = NodeSdk.layer(() => ({
      resource: {
        serviceName: "kubernaut",
        serviceVersion: options.serviceVersion,
        attributes: { "k8s.cluster.name": options.clusterName }
      },
      spanProcessor: bounded(batches, capacity, queue),
      shutdownTimeout: "3 seconds"
    }))
    return Layer.merge(sdk, Layer.succeed(TraceExport, { dropped: () => queue.dropped })) as unknown as Layer.Layer<TraceExport>
  }))
