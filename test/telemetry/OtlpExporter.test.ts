import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest } from "effect/http"
import { type Response, wholeResponse } from "../../src/simulation/farEnds/HolmesGptConversation.ts"
import * as OtlpExporter from "../../src/telemetry/OtlpExporter.ts"
import { type ReadableSpan, SpanExporter } from "../../src/telemetry/SpanExporter.ts"

const resource = { attributes: { "service.name": "kubernaut" }, asyncAttributesPending: false }
const instrumentationScope = { name: "kubernaut" }

const span = (name: string): ReadableSpan =>
  ({
    name,
    kind: 0,
    spanContext: () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1 }),
    startTime: [1, 0],
    endTime: [2, 0],
    status: { code: 1 },
    attributes: { a: 1 },
    events: [],
    links: [],
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0
  }) as unknown as ReadableSpan

const options: OtlpExporter.OtlpExporterOptions = {
  url: "http://collector:4318/v1/traces",
  protocol: "http/json",
  headers: { authorization: "Bearer abc" }
}

const exported = Effect.fnUntraced(function* (
  handle: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<Response, HttpClientError.HttpClientError>,
  given: Partial<OtlpExporter.OtlpExporterOptions> = {}
) {
  const client = Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make((request) => handle(request))
  )
  return yield* Effect.flatMap(SpanExporter, (exporter) => exporter.export([span("a"), span("b")])).pipe(
    Effect.provide(Layer.provide(OtlpExporter.layer({ ...options, ...given }), client))
  )
})

const responding = (request: HttpClientRequest.HttpClientRequest, status: number, retryAfter?: string) =>
  wholeResponse(request, { status, body: "{}", ...(retryAfter === undefined ? {} : { retryAfter }) })

const refused = (request: HttpClientRequest.HttpClientRequest) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })

describe("OtlpExporter", () => {
  for (const [protocol, contentType] of [
    ["http/json", "application/json"],
    ["http/protobuf", "application/x-protobuf"]
  ] as const)
    it.effect(`posts a batch as ${protocol} with the configured headers, outside any trace`, () =>
      Effect.gen(function* () {
        const requests: Array<HttpClientRequest.HttpClientRequest> = []
        yield* Effect.withSpan(
          exported(
            (request) => {
              requests.push(request)
              return Effect.succeed(responding(request, 200))
            },
            { protocol }
          ),
          "outer"
        )
        assert.lengthOf(requests, 1)
        const [{ body, headers, method, url }] = requests as [HttpClientRequest.HttpClientRequest]
        assert.deepStrictEqual([method, url], ["POST", options.url])
        assert.deepInclude(headers, { authorization: "Bearer abc", "content-type": contentType })
        assert.isUndefined(headers["traceparent"])
        const text = body._tag === "Uint8Array" ? Buffer.from(body.body).toString("latin1") : ""
        assert.include(text, "service.name")
        if (protocol === "http/json")
          assert.deepStrictEqual(
            JSON.parse(text).resourceSpans[0].scopeSpans[0].spans.map(({ name }: { readonly name: string }) => name),
            ["a", "b"]
          )
      })
    )

  for (const [status, retryAfter, outcome] of [
    [200, undefined, { _tag: "Exported" }],
    [202, undefined, { _tag: "Exported" }],
    [400, undefined, { _tag: "Rejected" }],
    [401, "5", { _tag: "Rejected" }],
    [413, undefined, { _tag: "Rejected" }],
    [408, undefined, { _tag: "Unavailable" }],
    [429, "5", { _tag: "Unavailable", retryAfterMs: 5_000 }],
    [429, "soon", { _tag: "Unavailable" }],
    [500, undefined, { _tag: "Unavailable" }],
    [503, "0", { _tag: "Unavailable", retryAfterMs: 0 }]
  ] as const)
    it.effect(
      `treats ${status}${retryAfter === undefined ? "" : ` with Retry-After ${retryAfter}`} as ${outcome._tag}`,
      () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(
            yield* exported((request) => Effect.succeed(responding(request, status, retryAfter))),
            outcome
          )
        })
    )

  it.effect("treats a failed connection as Unavailable", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* exported((request) => Effect.fail(refused(request))), { _tag: "Unavailable" })
    })
  )

  it.effect("names its destination without user, password and query, for the log", () =>
    Effect.gen(function* () {
      const client = Layer.succeed(
        HttpClient.HttpClient,
        HttpClient.make(() => Effect.never)
      )
      const url = "https://u:p@collector/v1/traces?token=t"
      const { destination } = yield* Effect.provide(
        SpanExporter,
        Layer.provide(OtlpExporter.layer({ ...options, url }), client)
      )
      assert.strictEqual(destination, "https://collector/v1/traces")
    })
  )
})
