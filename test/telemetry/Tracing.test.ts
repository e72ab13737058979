import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Random, Tracer } from "effect"
import { SpanExporter, type ReadableSpan } from "../../src/telemetry/SpanExporter.ts"
import * as Tracing from "../../src/telemetry/Tracing.ts"

const options: Tracing.TracingOptions = {
  serviceName: "kubernaut",
  serviceVersion: "1.2",
  attributes: { "k8s.cluster.name": "c" }
}

/** The spans that `effect` exports, in the order in which they end. */
const exported = Effect.fnUntraced(function* <A, E>(
  effect: Effect.Effect<A, E, Tracing.TraceExport>,
  given: Partial<Tracing.TracingOptions> = {}
) {
  const spans: Array<ReadableSpan> = []
  const exporter = Layer.succeed(SpanExporter, {
    destination: "test",
    export: (batch) =>
      Effect.sync(() => {
        spans.push(...batch)
        return { _tag: "Exported" as const }
      })
  })
  yield* Effect.exit(Effect.provide(effect, Layer.provide(Tracing.layer({ ...options, ...given }), exporter)))
  return spans
})

const nanos = ([seconds, rest]: ReadableSpan["startTime"]): number => seconds * 1e9 + rest

describe("Tracing", () => {
  it.effect("exports a span's name, kind, ids, times, attributes, events and links, and status OK", () =>
    Effect.gen(function* () {
      const link = Tracer.externalSpan({ traceId: "a".repeat(32), spanId: "b".repeat(16) })
      const work = Effect.gen(function* () {
        yield* Effect.annotateCurrentSpan({ "a.text": "x", "a.number": 2, "a.flag": true, "a.list": ["y"] })
        const span = yield* Effect.currentSpan
        span.event("hop", 5n, { to: "rules" })
      })
      const [inner, outer] = yield* exported(
        Effect.withSpan(
          Effect.withSpan(work, "inner", { kind: "client", links: [{ span: link, attributes: {} }] }),
          "outer"
        )
      )
      assert.deepInclude(inner, { name: "inner", kind: 2, status: { code: 1 } })
      assert.deepStrictEqual(inner!.attributes, { "a.text": "x", "a.number": 2, "a.flag": true, "a.list": ["y"] })
      assert.deepStrictEqual(
        inner!.events.map(({ attributes, name, time }) => [name, time, attributes]),
        [["hop", [0, 5], { to: "rules" }]]
      )
      assert.deepStrictEqual(
        inner!.links.map(({ context }) => [context.traceId, context.spanId]),
        [["a".repeat(32), "b".repeat(16)]]
      )
      const { spanId, traceId } = inner!.spanContext()
      assert.match(traceId, /^[0-9a-f]{32}$/)
      assert.match(spanId, /^[0-9a-f]{16}$/)
      assert.deepInclude(inner!.parentSpanContext, { traceId, spanId: outer!.spanContext().spanId })
      assert.isUndefined(outer!.parentSpanContext)
      assert.isTrue(nanos(inner!.endTime) >= nanos(inner!.startTime))
    })
  )

  it.effect("exports a failure's name and message without its stack, and an interruption as neither OK nor error", () =>
    Effect.gen(function* () {
      const [failed] = yield* exported(Effect.withSpan(Effect.die(new TypeError("no room")), "failing"))
      assert.deepStrictEqual(failed!.status, { code: 2, message: "no room" })
      assert.deepStrictEqual(
        failed!.events.map(({ attributes, name }) => [name, attributes]),
        [["exception", { "exception.type": "TypeError", "exception.message": "no room" }]]
      )
      const [interrupted] = yield* exported(Effect.withSpan(Effect.interrupt, "stopped"))
      assert.deepInclude(interrupted, { status: { code: 0 }, events: [] })
      assert.deepStrictEqual(interrupted!.attributes, { "effect.fiber.interrupted": true })
    })
  )

  it.effect("names the service, its version, its attributes and the SDK in the resource", () =>
    Effect.gen(function* () {
      const [span] = yield* exported(Effect.withSpan(Effect.void, "any"))
      assert.deepInclude(span!.resource.attributes, {
        "service.name": "kubernaut",
        "service.version": "1.2",
        "k8s.cluster.name": "c",
        "telemetry.sdk.language": "nodejs"
      })
    })
  )

  it.effect("draws ids from Effect's Random: the same seed gives the same ids, and each span has its own", () =>
    Effect.gen(function* () {
      const ids = Effect.map(
        exported(Effect.withSpan(Effect.withSpan(Effect.void, "inner"), "outer")).pipe(Random.withSeed("seed")),
        (spans) => spans.map((span) => [span.spanContext().traceId, span.spanContext().spanId])
      )
      const [first, second] = [yield* ids, yield* ids]
      assert.deepStrictEqual(first, second)
      assert.strictEqual(first[0]![0], first[1]![0])
      assert.notStrictEqual(first[0]![1], first[1]![1])
    })
  )

  it.effect("gives a root span that is made outside a fiber its trace id at once, for the journal to record", () =>
    Effect.gen(function* () {
      let traceId: string | undefined
      const spans = yield* exported(
        Effect.map(Effect.context<never>(), (context) => {
          const span = Effect.runSyncWith(context)(Effect.makeSpan("remediation", { root: true }))
          traceId = span.traceId
          span.end(1n, Exit.void)
        }).pipe(Effect.withSpan("activation"))
      )
      const remediation = spans.find(({ name }) => name === "remediation")!
      assert.strictEqual(remediation.spanContext().traceId, traceId)
      assert.isUndefined(remediation.parentSpanContext)
      assert.notStrictEqual(spans.find(({ name }) => name === "activation")!.spanContext().traceId, traceId)
    })
  )

  describe("sampling", () => {
    const parent = (sampled: boolean) =>
      Tracer.externalSpan({ traceId: "c".repeat(32), spanId: "d".repeat(16), sampled })
    const root = Effect.withSpan(Effect.void, "span", { root: true })
    const below = (sampled: boolean) => Effect.withSpan(Effect.void, "span", { parent: parent(sampled) })
    const cases: ReadonlyArray<
      readonly [
        sampler: Tracing.SamplerName,
        ratio: number,
        root: number,
        unsampledParent: number,
        sampledParent: number
      ]
    > = [
      ["always_on", 1, 1, 1, 1],
      ["always_off", 1, 0, 0, 0],
      ["traceidratio", 0, 0, 0, 0],
      ["traceidratio", 1, 1, 1, 1],
      ["parentbased_always_on", 1, 1, 0, 1],
      ["parentbased_always_off", 1, 0, 0, 1],
      ["parentbased_traceidratio", 0, 0, 0, 1],
      ["parentbased_traceidratio", 1, 1, 0, 1]
    ]
    for (const [sampler, samplerRatio, ...expected] of cases)
      it.effect(
        `${sampler} with ratio ${samplerRatio} exports ${expected[0]} root, ${expected[1]} below an unsampled parent and ${expected[2]} below a sampled one`,
        () =>
          Effect.gen(function* () {
            const count = (effect: Effect.Effect<void>) =>
              Effect.map(exported(effect, { sampler, samplerRatio }), (spans) => spans.length)
            assert.deepStrictEqual(
              [yield* count(root), yield* count(below(false)), yield* count(below(true))],
              expected
            )
          })
      )

    it.effect(
      "a remediation that continues gets the decision of its first activation, although its parent counts as sampled",
      () =>
        Effect.gen(function* () {
          for (const samplerRatio of [0, 0.5, 1]) {
            const given = { sampler: "parentbased_traceidratio", samplerRatio } as const
            let traceId = ""
            const begins = Effect.map(Effect.makeSpan("remediation", { root: true }), (span) => {
              traceId = span.traceId
              span.end(1n, Exit.void)
            })
            const began = yield* exported(begins, given)
            const continues = Effect.withSpan(Effect.void, "remediation", {
              parent: Tracer.externalSpan({ traceId, spanId: "d".repeat(16) })
            })
            assert.lengthOf(yield* exported(continues, given), began.length, traceId)
          }
        })
    )

    it.effect("a span that is not sampled has ids, is marked as such, and does not count as dropped", () =>
      Effect.gen(function* () {
        // Asserted outside of `exported`, which ignores how the effect ends.
        let seen: readonly [sampled: boolean, traceId: string, dropped: number] | undefined
        const spans = yield* exported(
          Effect.gen(function* () {
            const { sampled, traceId } = yield* Effect.orDie(Effect.currentSpan).pipe(Effect.withSpan("root"))
            seen = [sampled, traceId, (yield* Tracing.TraceExport).dropped()]
          }),
          { sampler: "always_off" }
        )
        assert.deepStrictEqual([seen?.[0], seen?.[2], spans], [false, 0, []])
        assert.match(seen?.[1] ?? "", /^[0-9a-f]{32}$/)
      })
    )
  })
})
