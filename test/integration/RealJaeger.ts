/**
 * A real Jaeger that keeps traces in memory, and the traces that its API returns.
 *
 * `scripts/jaeger/build` builds it. `KUBERNAUT_TEST_JAEGER` names another one.
 */

import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, type Scope } from "effect"
import { program as builtOnce } from "./BuiltOnce.ts"
import { freePort, running } from "./RealAlertmanager.ts"
import * as Service from "./Service.ts"

/** See `BuiltOnce`. */
export const program = () => builtOnce("Jaeger", "scripts/jaeger/build", "KUBERNAUT_TEST_JAEGER")

export interface Jaeger {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlp: string
  /** The trace, once its root has ended and no further span arrives. */
  readonly trace: (id: string, root: string) => Effect.Effect<Trace>
}

/** One span of a trace, with the spans that it is the parent of in the order in which they began. */
export interface Span {
  readonly name: string
  readonly startUs: number
  readonly durationUs: number
  /** Attributes, and `error: true` for a span that failed. */
  readonly tags: Readonly<Record<string, unknown>>
  readonly events: ReadonlyArray<Readonly<Record<string, unknown>>>
  readonly children: ReadonlyArray<Span>
}

export interface Trace {
  readonly service: string
  /** The spans without a parent. */
  readonly roots: ReadonlyArray<Span>
  /** The number of spans. */
  readonly size: number
  /** What the API returned. */
  readonly text: string
}

interface KeyValue {
  readonly key: string
  readonly value: unknown
}

/** What `GET /api/traces/ID` returns. */
interface Body {
  readonly data?: ReadonlyArray<{
    readonly spans: ReadonlyArray<{
      readonly spanID: string
      readonly operationName: string
      readonly references: ReadonlyArray<{ readonly refType: string; readonly spanID: string }>
      readonly startTime: number
      readonly duration: number
      readonly tags: ReadonlyArray<KeyValue>
      readonly logs: ReadonlyArray<{ readonly fields: ReadonlyArray<KeyValue> }>
    }>
    readonly processes: Readonly<Record<string, { readonly serviceName: string }>>
  }> | null
}

const record = (entries: ReadonlyArray<KeyValue>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(entries.map(({ key, value }) => [key, value]))

const traceOf = (text: string): Trace => {
  const [found] = (JSON.parse(text) as Body).data ?? []
  const spans = found?.spans ?? []
  const parentOf = ({ references }: (typeof spans)[number]) =>
    references.find(({ refType }) => refType === "CHILD_OF")?.spanID
  const below = (parent: string | undefined): ReadonlyArray<Span> =>
    spans
      .filter((span) => parentOf(span) === parent)
      .sort((one, other) => one.startTime - other.startTime)
      .map((span) => ({
        name: span.operationName,
        startUs: span.startTime,
        durationUs: span.duration,
        tags: record(span.tags),
        events: span.logs.map(({ fields }) => record(fields)),
        children: below(span.spanID)
      }))
  return {
    service: Object.values(found?.processes ?? {})[0]?.serviceName ?? "",
    roots: below(undefined),
    size: spans.length,
    text
  }
}

/** The number of spans from the roots on. Fewer than the trace has: a parent is missing. */
export const reachable = ({ roots }: Pick<Trace, "roots">): number => {
  const count = ({ children }: Span): number => 1 + children.reduce((sum, child) => sum + count(child), 0)
  return roots.reduce((sum, root) => sum + count(root), 0)
}

const configuration = (ports: { readonly otlp: number; readonly http: number; readonly grpc: number }): string => `
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
  telemetry:
    metrics: { level: none }
    logs: { level: error }
extensions:
  jaeger_query:
    storage: { traces: memory }
    http: { endpoint: "127.0.0.1:${ports.http}" }
    grpc: { endpoint: "127.0.0.1:${ports.grpc}" }
  jaeger_storage:
    backends:
      memory: { memory: { max_traces: 1000 } }
receivers:
  otlp:
    protocols:
      http: { endpoint: "127.0.0.1:${ports.otlp}" }
exporters:
  jaeger_storage_exporter: { trace_storage: memory }
`

/** Starts Jaeger on loopback. It stops when the scope closes. */
export const start = Effect.fnUntraced(function* (path: string): Effect.fn.Return<Jaeger, never, Scope.Scope> {
  const directory = yield* Service.temporaryDirectory
  const ports = { otlp: yield* freePort, http: yield* freePort, grpc: yield* freePort }
  const file = join(directory, "jaeger.yaml")
  writeFileSync(file, configuration(ports))
  const url = `http://127.0.0.1:${ports.http}`
  yield* running(path, ["--config", file], url, "/api/services")
  const read = (id: string) =>
    Effect.promise(async () => traceOf(await (await fetch(`${url}/api/traces/${id}`)).text()))
  return {
    otlp: `http://127.0.0.1:${ports.otlp}`,
    trace: (id, root) =>
      Effect.gen(function* () {
        let size = -1
        return yield* Service.until(`the trace ${id} is complete`, read(id), (trace) => {
          const isSettled = trace.roots.some(({ name }) => name === root) && trace.size === size
          size = trace.size
          return isSettled
        })
      })
  }
})
