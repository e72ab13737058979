import { readFileSync } from "node:fs"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { call, running } from "../http/runningService.ts"

const crashLoop = readFileSync(new URL("../../examples/alerts/crash-loop.json", import.meta.url), "utf8")

/** What these tests read of OTLP's JSON: https://github.com/open-telemetry/opentelemetry-proto, `trace.proto`. */
interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: Readonly<Record<string, unknown>> }>
}

const attributesOf = ({ attributes }: Pick<OtlpSpan, "attributes">): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

interface Body {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: Pick<OtlpSpan, "attributes">
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<OtlpSpan> }>
  }>
}

/** An OTLP/HTTP receiver that keeps every span, and reports when a span of some name has arrived. */
const receiver = Effect.acquireRelease(
  Effect.callback<{
    readonly url: string
    readonly spans: Array<OtlpSpan>
    readonly resources: Array<unknown>
    readonly arrived: (name: string) => Effect.Effect<void>
    readonly close: () => void
  }>((resume) => {
    const spans: Array<OtlpSpan> = []
    const resources: Array<unknown> = []
    const waiting = new Map<string, Deferred.Deferred<void>>()
    const server = createServer((request, response) => {
      let text = ""
      request
        .setEncoding("utf8")
        .on("data", (chunk: string) => {
          text += chunk
        })
        .on("end", () => {
          if (
            request.url !== "/v1/traces"
            || request.headers["content-type"] !== "application/json"
            || request.headers["authorization"] !== "Bearer a b"
          )
            return void response.writeHead(404).end()
          for (const { resource, scopeSpans } of (JSON.parse(text) as Body).resourceSpans) {
            resources.push(attributesOf(resource))
            spans.push(...scopeSpans.flatMap((scope) => scope.spans))
          }
          response.writeHead(200, { "content-type": "application/json" }).end("{}")
          for (const { name } of spans) {
            const found = waiting.get(name)
            if (found !== undefined) Deferred.doneUnsafe(found, Effect.void)
          }
        })
    })
    const arrived = (name: string) => {
      const found = waiting.get(name) ?? Deferred.makeUnsafe<void>()
      waiting.set(name, found)
      return Deferred.await(found)
    }
    server.listen(0, "127.0.0.1", () =>
      resume(
        Effect.succeed({
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          spans,
          resources,
          arrived,
          close: () => server.close()
        })
      )
    )
  }),
  ({ close }) => Effect.sync(close)
)

/**
 * A broken HolmesGPT, which keeps the headers of its requests. Its health route succeeds: on a slow machine failed
 * probes would open the breaker before the fifth attempt.
 */
const brokenHolmesgpt = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly requests: Array<IncomingHttpHeaders>; readonly close: () => void }>(
    (resume) => {
      const requests: Array<IncomingHttpHeaders> = []
      const server = createServer((request, response) => {
        if (request.url === "/api/chat") requests.push(request.headers)
        response.writeHead(request.url === "/healthz" ? 200 : 500).end()
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            requests,
            close: () => server.close()
          })
        )
      )
    }
  ),
  ({ close }) => Effect.sync(close)
)

describe("Tracing", () => {
  it.live(
    "one trace shows a whole remediation: each hop and attempt with its reason, the decision, the action and the verdict",
    () =>
      Effect.gen(function* () {
        const { arrived, resources, spans, url } = yield* receiver
        const holmesgpt = yield* brokenHolmesgpt
        const port = yield* running({
          environment: {
            KUBERNAUT_HOLMESGPT_URL: holmesgpt.url,
            KUBERNAUT_CLUSTER_NAME: "test",
            OTEL_EXPORTER_OTLP_ENDPOINT: url,
            OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
            OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20a%20b",
            OTEL_RESOURCE_ATTRIBUTES: "service.version=1.2.3,deployment.environment.name=a%2Cb",
            OTEL_BSP_SCHEDULE_DELAY: "50"
          }
        })
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        const answer = yield* call(port, "/api/v1/alerts", {
          method: "POST",
          headers: { "content-type": "application/json", traceparent },
          body: crashLoop
        })
        const {
          results: [result]
        } = JSON.parse(answer.text) as { readonly results: readonly [{ readonly remediationId: string }] }
        yield* arrived("remediation")
        const { traceId } = JSON.parse((yield* call(port, `/api/v1/remediations/${result.remediationId}`)).text) as {
          readonly traceId: string
        }

        const trace = spans
          .filter((span) => span.traceId === traceId)
          .map((span) => ({ ...span, attributes: attributesOf(span) }))
        const children = (parent: { readonly spanId: string } | undefined, name: string) =>
          trace.filter((span) => span.name === name && span.parentSpanId === parent?.spanId)
        const [remediation, ...more] = trace.filter((span) => span.name === "remediation")
        assert.isEmpty(more)
        assert.isUndefined(remediation?.parentSpanId)
        assert.deepInclude(remediation?.attributes, {
          "kubernaut.alert.name": "KubeDeploymentRolloutStuck",
          "kubernaut.remediation.state": "Remediated"
        })
        const [investigate] = children(remediation, "investigate")
        const [first] = children(investigate, "hop holmesgpt")
        assert.deepInclude(first?.attributes, {
          "kubernaut.hop.to": "holmesgpt",
          "kubernaut.hop.outcome": "failed",
          "kubernaut.hop.failure": "unavailable"
        })
        assert.strictEqual(first?.attributes["circuitbreaker.state"], "closed")
        assert.strictEqual(first?.attributes["kubernaut.hop.breaker_after"], "open")
        assert.deepStrictEqual(
          children(first, "attempt").map((span) => span.attributes["retry.attempt"]),
          [1, 2, 3, 4, 5]
        )
        const [second] = children(investigate, "hop rules")
        assert.deepInclude(second?.attributes, {
          "kubernaut.hop.from": "holmesgpt",
          "kubernaut.hop.to": "rules",
          "kubernaut.hop.reason": "unavailable",
          "kubernaut.hop.outcome": "answered",
          "kubernaut.hop.confidence": 0.5
        })
        assert.lengthOf(children(second, "attempt"), 1)
        for (const step of ["decide", "execute", "verify"]) assert.lengthOf(children(remediation, step), 1, step)
        assert.deepInclude(children(remediation, "execute")[0]?.attributes, {
          "kubernaut.action.type": "RollbackDeployment",
          "kubernaut.execution.applied": "yes"
        })
        assert.deepInclude(children(remediation, "verify")[0]?.attributes, {
          "kubernaut.verification.verdict": "fixed"
        })
        for (const resource of resources)
          assert.deepInclude(resource, {
            "service.name": "kubernaut",
            "service.version": "1.2.3",
            "k8s.cluster.name": "test",
            "deployment.environment.name": "a,b"
          })

        // The trace continues in the peer, and the sender's trace continues in ours.
        assert.strictEqual(holmesgpt.requests.length, 5)
        for (const { traceparent } of holmesgpt.requests)
          assert.match(String(traceparent), new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
        const received = spans.find(
          (span) => span.name.includes("POST") && span.traceId === "0af7651916cd43dd8448eb211c80319c"
        )
        assert.strictEqual(received?.parentSpanId, "b7ad6b7169203331")
        assert.strictEqual(received?.kind, 2)
      }).pipe(Effect.scoped),
    180_000
  )

  it.live(
    "while the receiver is down, the service stays ready, counts the dropped spans, and logs the failure once",
    () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const port = yield* running({
          environment: {
            OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
            OTEL_EXPORTER_OTLP_TIMEOUT: "500",
            OTEL_BSP_SCHEDULE_DELAY: "50",
            OTEL_BSP_MAX_QUEUE_SIZE: "20",
            OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5"
          },
          log: (line) => lines.push(line)
        })
        const warnings = () =>
          lines
            .map((line) => JSON.parse(line) as { readonly message: string })
            .filter(({ message }) => message.startsWith("Traces cannot be exported"))
        const dropped = Effect.map(call(port, "/metrics"), ({ text }) =>
          Number(/^kubernaut_spans_dropped_total (\d+)$/m.exec(text)?.[1])
        )
        while ((yield* dropped) < 100 || warnings().length === 0)
          yield* Effect.forEach(Array.from({ length: 20 }), () => call(port, "/api/v1/status"), { concurrency: 10 })
        assert.lengthOf(warnings(), 1)
        assert.strictEqual((yield* call(port, "/readyz")).status, 200)
      }).pipe(Effect.scoped),
    180_000
  )
})
