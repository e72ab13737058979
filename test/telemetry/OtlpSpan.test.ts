import { assert, describe, it } from "@effect/vitest"
import { Effect, type Tracer } from "effect"
import { body, encode } from "../../src/telemetry/OtlpSpan.ts"
import { listening } from "../../src/telemetry/Tracing.ts"

const ended = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const spans: Array<Tracer.Span> = []
    yield* Effect.exit(
      Effect.withTracer(
        effect,
        listening(yield* Effect.tracer, (span) => spans.push(span))
      )
    )
    return spans.map((span) => encode(span)!)
  })

describe("OtlpSpan", () => {
  it.effect("says name, kind, ids, times, attributes and events of a span, and that it went well", () =>
    Effect.gen(function* () {
      const work = Effect.annotateCurrentSpan({ "a.text": "x", "a.number": 2, "a.flag": true, "a.list": ["y"] })
      const [inner, outer] = yield* ended(Effect.withSpan(Effect.withSpan(work, "inner", { kind: "client" }), "outer"))
      assert.deepInclude(inner, {
        name: "inner",
        kind: 3,
        traceId: outer!.traceId,
        parentSpanId: outer!.spanId,
        status: { code: 1 }
      })
      assert.deepStrictEqual(
        inner!.attributes.map(({ key }) => key),
        ["a.text", "a.number", "a.flag", "a.list"]
      )
      assert.match(inner!.traceId, /^[0-9a-f]{32}$/)
      assert.match(inner!.spanId, /^[0-9a-f]{16}$/)
      assert.isUndefined(outer!.parentSpanId)
      assert.isTrue(BigInt(inner!.endTimeUnixNano) >= BigInt(inner!.startTimeUnixNano))
    })
  )

  it.effect("tells a failure by its message and without a stack, and an interruption as neither well nor wrong", () =>
    Effect.gen(function* () {
      const [failed] = yield* ended(Effect.withSpan(Effect.die(new Error("no room")), "failing"))
      assert.deepStrictEqual(failed!.status, { code: 2, message: "no room" })
      assert.deepStrictEqual(
        failed!.events.map(({ name }) => name),
        ["exception"]
      )
      assert.notInclude(JSON.stringify(failed), ".ts:")
      const [interrupted] = yield* ended(Effect.withSpan(Effect.interrupt, "stopped"))
      assert.deepInclude(interrupted, { status: { code: 0 }, events: [] })
    })
  )

  it("names the resource in the body", () => {
    const parsed = JSON.parse(
      body({ serviceName: "kubernaut", serviceVersion: "1.2", attributes: { "k8s.cluster.name": "c" } }, [])
    )
    assert.deepStrictEqual(parsed.resourceSpans[0].resource.attributes, [
      { key: "service.name", value: { stringValue: "kubernaut" } },
      { key: "service.version", value: { stringValue: "1.2" } },
      { key: "k8s.cluster.name", value: { stringValue: "c" } }
    ])
  })
})
