/**
 * Effect's tracer on an OpenTelemetry `TracerProvider`, for the service.
 *
 * Spans go to the `SpanExporter` through `BoundedSpanProcessor`. Without an exporter (`layerNone`), Effect's own tracer
 * still generates ids, so log lines and remediations have a trace id.
 *
 * An application that embeds the library and runs an OpenTelemetry SDK does not need this module: it provides
 * `@effect/opentelemetry`'s tracer with its own provider.
 *
 * Sampling is then up to the SDK. A remediation that continues after a restart or a review has the span of its first
 * activation as a remote parent, and that parent is always marked as sampled, because the journal does not record the
 * decision. The SDK's `ParentBasedSampler` therefore exports the continued part of a trace whose first part it did not
 * sample. To avoid this, sample without regard to the parent (`TraceIdRatioBasedSampler`, which decides by trace id, or
 * all traces and a collector that samples), or give `ParentBasedSampler` a `remoteParentSampled` that decides again for
 * spans named `remediation`, as `parentBased` does here.
 */

import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources"
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  type IdGenerator,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-base"
import { Context, Effect, Layer, Random, Tracer } from "effect"
import * as BoundedSpanProcessor from "./BoundedSpanProcessor.ts"
import { type ExportOutcome, SpanExporter } from "./SpanExporter.ts"

/** The values of `OTEL_TRACES_SAMPLER`. */
export type SamplerName =
  | "always_on"
  | "always_off"
  | "traceidratio"
  | "parentbased_always_on"
  | "parentbased_always_off"
  | "parentbased_traceidratio"

export interface TracingOptions {
  readonly serviceName: string
  readonly serviceVersion: string
  /** Further attributes of the resource. */
  readonly attributes: Readonly<Record<string, string>>
  /** Default `parentbased_always_on`. */
  readonly sampler?: SamplerName
  /** From 0 to 1, for the samplers that take a ratio. Default 1. */
  readonly samplerRatio?: number
  /** Default 8,192 spans: enough for one minute with a few hundred remediations. */
  readonly queueCapacity?: number
  /** Default 512 spans. */
  readonly batchSize?: number
  /** Default 5 s. */
  readonly scheduledDelayMs?: number
  /** Default 10 s. */
  readonly exportTimeoutMs?: number
}

/** The receiver of the traces. */
export interface Receiver {
  readonly lastExport: () => BoundedSpanProcessor.LastExport | undefined
  /** Sends an empty batch, which every receiver accepts. The caller limits its time. */
  readonly probe: Effect.Effect<ExportOutcome>
}

/** Statistics about the export of traces. */
export class TraceExport extends Context.Service<
  TraceExport,
  {
    /** Spans that were lost: the queue was full, the receiver rejected them, or the shutdown could not export them. */
    readonly dropped: () => number
    /** The receiver, and what the last export showed of it. Absent: nothing is exported. */
    readonly receiver?: Receiver
  }
>()("kubernaut/telemetry/Tracing/TraceExport") {}

/** Exports nothing. */
export const layerNone: Layer.Layer<TraceExport> = Layer.succeed(TraceExport, { dropped: () => 0 })

/** How long a shutdown of the service waits for the remaining spans. */
const shutdownTimeoutMs = 3_000

/**
 * Follows the parent's decision. `root` decides if there is no parent.
 *
 * A remediation that continues after a restart or a review has the trace and span of its first activation as its
 * parent. The journal does not record whether those were sampled, so `root` decides again. It makes the same decision
 * for the same trace id.
 */
const parentBased = (root: Sampler): Sampler => {
  const sampled = new AlwaysOnSampler()
  return new ParentBasedSampler({
    root,
    remoteParentSampled: {
      shouldSample: (context, traceId, name, kind, attributes, links) =>
        name === "remediation"
          ? root.shouldSample(context, traceId, name, kind, attributes, links)
          : sampled.shouldSample(),
      toString: () => `Remediations{${root.toString()}}`
    }
  })
}

const makeSampler = (name: SamplerName, ratio: number): Sampler => {
  switch (name) {
    case "always_on":
      return new AlwaysOnSampler()
    case "always_off":
      return new AlwaysOffSampler()
    case "traceidratio":
      return new TraceIdRatioBasedSampler(ratio)
    case "parentbased_always_on":
      return parentBased(new AlwaysOnSampler())
    case "parentbased_always_off":
      return parentBased(new AlwaysOffSampler())
    case "parentbased_traceidratio":
      return parentBased(new TraceIdRatioBasedSampler(ratio))
  }
}

const attributesOf = ({ attributes, serviceName, serviceVersion }: TracingOptions) => ({
  ...attributes,
  "service.name": serviceName,
  "service.version": serviceVersion
})

/** Ids from Effect's `Random`. The SDK's own generator calls `Math.random`, which no seed reproduces. */
const idsFrom = (random: Random.Random): IdGenerator => {
  const hex8 = () =>
    Math.floor(random.nextDoubleUnsafe() * 2 ** 32)
      .toString(16)
      .padStart(8, "0")
  return { generateTraceId: () => hex8() + hex8() + hex8() + hex8(), generateSpanId: () => hex8() + hex8() }
}

/** Exports the spans of every effect and layer that it is provided to. */
export const layer = (options: TracingOptions): Layer.Layer<TraceExport, never, SpanExporter> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const processor = yield* BoundedSpanProcessor.make({
        queueCapacity: options.queueCapacity ?? 8192,
        batchSize: options.batchSize ?? 512,
        scheduledDelayMs: options.scheduledDelayMs ?? 5000,
        exportTimeoutMs: options.exportTimeoutMs ?? 10_000,
        shutdownTimeoutMs
      })
      const provider = new BasicTracerProvider({
        resource: defaultResource().merge(resourceFromAttributes(attributesOf(options))),
        sampler: makeSampler(options.sampler ?? "parentbased_always_on", options.samplerRatio ?? 1),
        idGenerator: idsFrom(yield* Effect.service(Random.Random)),
        spanProcessors: [processor]
      })
      const tracer = yield* Effect.provideService(
        OtelTracer.make,
        OtelTracer.OtelTracer,
        provider.getTracer("kubernaut", options.serviceVersion)
      )
      const exporter = yield* SpanExporter
      const receiver = { lastExport: processor.lastExport, probe: exporter.export([]) }
      return Context.make(TraceExport, { dropped: processor.dropped, receiver }).pipe(
        Context.add(Tracer.Tracer, tracer)
      )
    })
  )
