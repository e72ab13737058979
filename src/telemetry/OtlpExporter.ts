/**
 * Sends spans to an OTLP/HTTP receiver, such as an OpenTelemetry Collector.
 *
 * OpenTelemetry's own transformer encodes the request. Effect's HTTP client sends the request, so it can be
 * interrupted. It is a single attempt, because `BoundedSpanProcessor` retries.
 */

import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer"
import { Clock, Effect, Layer } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import { publicUrl } from "./PublicUrl.ts"
import { type ExportOutcome, outcomeOf, SpanExporter } from "./SpanExporter.ts"

export interface OtlpExporterOptions {
  /** The full address, for example `http://localhost:4318/v1/traces`. */
  readonly url: string
  readonly protocol: "http/protobuf" | "http/json"
  /** Sent with every request, such as `authorization`. */
  readonly headers: Readonly<Record<string, string>>
}

const encodings = {
  "http/protobuf": { serializer: ProtobufTraceSerializer, contentType: "application/x-protobuf" },
  "http/json": { serializer: JsonTraceSerializer, contentType: "application/json" }
} as const

export const layer = ({ headers, protocol, url }: OtlpExporterOptions) =>
  Layer.effect(
    SpanExporter,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      const { contentType, serializer } = encodings[protocol]
      return SpanExporter.of({
        destination: publicUrl(url),
        export: (spans) =>
          Effect.suspend(() => {
            const body = serializer.serializeRequest([...spans])
            return body === undefined
              ? Effect.succeed<ExportOutcome>({ _tag: "Rejected" })
              : client
                  .execute(HttpClientRequest.post(url, { headers, body: HttpBody.uint8Array(body, contentType) }))
                  .pipe(
                    // A connection is reused only after its response has been read.
                    Effect.tap((response) => Effect.ignore(response.text)),
                    Effect.flatMap(({ headers: { date, "retry-after": retryAfter }, status }) =>
                      Effect.map(Clock.currentTimeMillis, (nowMs) => outcomeOf(status, retryAfter, { date, nowMs }))
                    )
                  )
          }).pipe(
            Effect.orElseSucceed((): ExportOutcome => ({ _tag: "Unavailable" })),
            // A span for this request would itself have to be exported by another request.
            Effect.withTracerEnabled(false),
            Effect.provideService(HttpClient.TracerPropagationEnabled, false)
          )
      })
    })
  )
