import { assert, describe, it } from "@effect/vitest"
import { InMemorySpanExporter, type ReadableSpan } from "@opentelemetry/sdk-trace-base"
import { Deferred, Effect } from "effect"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { readFileSync } from "node:fs"
import { call, running } from "../http/runningService.ts"
import * as Tracing from "../../src/telemetry/Tracing.ts"

const crashLoop = readFileSync(new URL("../../examples/alerts/crash-loop.json", import.meta.url), "utf8")

/** Keeps every span, and tells when one of a name has ended. */
const makeExporter = () => {
  const memory = new InMemorySpanExporter()
  const waiting = new Map<string, Deferred.Deferred<void>>()
  return {
    spans: () => memory.getFinishedSpans(),
    ended: (name: string) => {
      const found = waiting.get(name) ?? Deferred.makeUnsafe<void>()
      waiting.set(name, found)
      return Deferred.await(found)
    },
    exporter: {
      export: (spans: Array<ReadableSpan>, done: Parameters<InMemorySpanExporter["export"]>[1]) => {
        memory.export(spans, done)
        for (const { name } of spans) {
          const found = waiting.get(name)
          if (found !== undefined) Deferred.doneUnsafe(found, Effect.void)
        }
      },
      shutdown: () => memory.shutdown()
    }
  }
}

/** A HolmesGPT that is broken, and keeps the headers that it was asked with. */
const brokenHolmesgpt = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly asked: Array<IncomingHttpHeaders>; readonly close: () => void }>((resume) => {
    const asked: Array<IncomingHttpHeaders> = []
    const server = createServer((request, response) => {
      if (request.url === "/api/chat") asked.push(request.headers)
      response.writeHead(500).end()
    })
    server.listen(0, "127.0.0.1", () =>
      resume(Effect.succeed({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close: () => server.close() })))
  }),
  ({ close }) => Effect.sync(close)
)

describe("Tracing", () => {
  it.live("one trace tells a remediation: each hop and attempt, why it was taken, and what was decided, done and seen", () =>
    Effect.gen(function*() {
      const { ended, exporter, spans } = makeExporter()
      const holmesgpt = yield* brokenHolmesgpt
      const tracing = Tracing.layer({ endpoint: "http://unused", serviceVersion: "1.2.3", clusterName: "test", exporter, scheduledDelayMs: 50 })
      const port = yield* running({ tracing, environment: { KUBERNAUT_HOLMESGPT_URL: holmesgpt.url, KUBERNAUT_CLUSTER_NAME: "test" } })
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      const answer = yield* call(port, "/api/v1/alerts", { method: "POST", headers: { "content-type": "application/json", traceparent }, body: crashLoop })
      const { results: [result] } = JSON.parse(answer.text) as { readonly results: readonly [{ readonly remediationId: string }] }
      yield* ended("remediation")
      const { traceId } = JSON.parse((yield* call(port, `/api/v1/remediations/${result.remediationId}`)).text) as { readonly traceId: string }

      const trace = spans().filter((span) => span.spanContext().traceId === traceId)
      const children = (parent: ReadableSpan | undefined, name: string) =>
        trace.filter((span) => span.name === name && span.parentSpanContext?.spanId === parent?.spanContext().spanId)
      const [remediation, ...more] = trace.filter((span) => span.name === "remediation")
      assert.isEmpty(more)
      assert.isUndefined(remediation?.parentSpanContext)
      assert.deepInclude(remediation?.attributes, { "kubernaut.alert.name": "KubeDeploymentRolloutStuck", "kubernaut.remediation.state": "Remediated" })
      const [investigate] = children(remediation, "investigate")
      const [first] = children(investigate, "hop holmesgpt")
      assert.deepInclude(first?.attributes, { "kubernaut.hop.to": "holmesgpt", "kubernaut.hop.outcome": "failed", "kubernaut.hop.failure": "unavailable" })
      assert.strictEqual(first?.attributes["circuitbreaker.state"], "open")
      assert.deepStrictEqual(children(first, "attempt").map((span) => span.attributes["retry.attempt"]), [1, 2, 3, 4, 5])
      const [second] = children(investigate, "hop rules")
      assert.deepInclude(second?.attributes, { "kubernaut.hop.from": "holmesgpt", "kubernaut.hop.to": "rules", "kubernaut.hop.reason": "unavailable", "kubernaut.hop.outcome": "answered", "kubernaut.hop.confidence": 0.5 })
      assert.lengthOf(children(second, "attempt"), 1)
      for (const step of ["decide", "execute", "verify"]) assert.lengthOf(children(remediation, step), 1, step)
      assert.deepInclude(children(remediation, "execute")[0]?.attributes, { "kubernaut.action.type": "RollbackDeployment", "kubernaut.execution.applied": "yes" })
      assert.deepInclude(children(remediation, "verify")[0]?.attributes, { "kubernaut.verification.verdict": "fixed" })
      assert.deepInclude(remediation?.resource.attributes, { "service.name": "kubernaut", "service.version": "1.2.3", "k8s.cluster.name": "test" })

      // The trace goes on into the peer, and the sender's goes on into ours.
      assert.strictEqual(holmesgpt.asked.length, 5)
      for (const { traceparent } of holmesgpt.asked) assert.match(String(traceparent), new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
      const received = spans().find((span) => span.name.includes("POST") && span.spanContext().traceId === "0af7651916cd43dd8448eb211c80319c")
      assert.strictEqual(received?.parentSpanContext?.spanId, "b7ad6b7169203331")
    }).pipe(Effect.scoped), 40_000)

  it.live("a receiver that is down hurts nobody: spans are dropped and counted, and it is logged once", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const tracing = Tracing.layer({ endpoint: "http://127.0.0.1:1", serviceVersion: "1", clusterName: "test", scheduledDelayMs: 50, queueCapacity: 20, batchSize: 5, exportTimeoutMs: 500 })
      const port = yield* running({ tracing, log: (line) => lines.push(line) })
      const warnings = () => lines.map((line) => JSON.parse(line) as { readonly message: string }).filter(({ message }) => message.startsWith("Traces cannot be exported"))
      const dropped = Effect.map(call(port, "/metrics"), ({ text }) => Number(/^kubernaut_spans_dropped_total (\d+)$/m.exec(text)?.[1]))
      while ((yield* dropped) < 100 || warnings().length === 0) yield* Effect.forEach(Array.from({ length: 20 }), () => call(port, "/api/v1/status"), { concurrency: 10 })
      assert.lengthOf(warnings(), 1)
      assert.strictEqual((yield* call(port, "/readyz")).status, 200)
    }).pipe(Effect.scoped), 40_000)
})
