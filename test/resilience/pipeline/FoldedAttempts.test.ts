import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Tracer } from "effect"
import { TestClock } from "effect/testing"
import { fold, mostShown } from "../../../src/resilience/pipeline/FoldedAttempts.ts"
import * as Pipeline from "../../../src/resilience/pipeline/Pipeline.ts"
import { noJitter } from "../Peer.ts"

/** Keeps every span in the order in which they begin to exist. */
const recording = (spans: Array<Tracer.NativeSpan>) =>
  Effect.provideService(
    Tracer.Tracer,
    Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
  )

/** Runs calls in a span `step`, for at most a minute, and returns that span and its attempts. */
const traced = <A, E>(work: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const spans: Array<Tracer.NativeSpan> = []
    const fiber = yield* Effect.forkChild(Effect.exit(work.pipe(Effect.withSpan("step"), recording(spans))))
    yield* TestClock.adjust("1 minute")
    yield* Fiber.join(fiber)
    const step = spans.find(({ name }) => name === "step")
    return { spans, attributes: Object.fromEntries(step!.attributes), step: step! }
  })

const attemptsIn = (spans: ReadonlyArray<Tracer.NativeSpan>) => spans.filter(({ name }) => name === "attempt")

const millisOf = ({ startTime, status }: Tracer.NativeSpan) => [
  Number(startTime / 1_000_000n),
  status._tag === "Ended" ? Number(status.endTime / 1_000_000n) : undefined
]

describe("folded attempts", () => {
  it.effect("a hundred reads that succeed have no span, and the span around them counts them", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const read = fold("get a")(pipeline.execute(Effect.succeed("a")))
      const { attributes, spans } = yield* traced(Effect.replicateEffect(read, 100))
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["step"]
      )
      assert.deepStrictEqual(attributes, { "kubernaut.reads.folded": 100 })
    })
  )

  it.effect("a read that fails and its repetition have spans with their times, and name the read", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: noJitter })
      let calls = 0
      const call = Effect.suspend(() =>
        Effect.delay(++calls === 1 ? Effect.fail("down") : Effect.succeed("a"), "20 millis")
      )
      const { attributes, spans, step } = yield* traced(
        Effect.andThen(Effect.sleep("1 second"), fold("get a")(pipeline.execute(call)))
      )
      const attempts = attemptsIn(spans)
      assert.deepStrictEqual(attempts.map(millisOf), [
        [1000, 1020],
        [1120, 1140]
      ])
      assert.deepStrictEqual(
        attempts.map((span) => Object.fromEntries(span.attributes)),
        [1, 2].map((attempt) => ({
          "kubernaut.pipeline": "peer",
          "kubernaut.request": "get a",
          "retry.attempt": attempt,
          "circuitbreaker.state": "closed",
          ...(attempt === 1 ? { "error.type": "failure" } : {})
        }))
      )
      for (const { parent } of attempts) assert.strictEqual(parent._tag === "Some" && parent.value, step)
      assert.deepStrictEqual(
        attempts.map(({ status }) => status._tag === "Ended" && status.exit._tag),
        ["Failure", "Success"]
      )
      assert.deepStrictEqual(attributes, { "kubernaut.reads.failed": 1 })
    })
  )

  it.effect("a read of a second has a span, and a shorter one has none", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const taking = (millis: number) => fold(`get ${millis}`)(pipeline.execute(Effect.sleep(millis)))
      const { attributes, spans } = yield* traced(Effect.andThen(taking(999), taking(1000)))
      assert.deepStrictEqual(
        attemptsIn(spans).map((span) => span.attributes.get("kubernaut.request")),
        ["get 1000"]
      )
      assert.deepStrictEqual(attributes, { "kubernaut.reads.folded": 1 })
    })
  )

  it.effect("an attempt that is cut off by its timeout has a span that ends there", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { attemptTimeout: "500 millis", retry: false })
      const { attributes, spans } = yield* traced(fold("get a")(pipeline.execute(Effect.never)))
      assert.deepStrictEqual(attemptsIn(spans).map(millisOf), [[0, 500]])
      assert.deepStrictEqual(attributes, { "kubernaut.reads.failed": 1 })
    })
  )

  it.effect("a call that the open circuit rejects has a span with the circuit's state", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: false })
      yield* pipeline.circuitBreaker!.isolate("1 hour", "a test")
      const { spans } = yield* traced(fold("get a")(pipeline.execute(Effect.succeed("a"))))
      assert.deepStrictEqual(
        attemptsIn(spans).map((span) => span.attributes.get("circuitbreaker.state")),
        ["isolated"]
      )
    })
  )

  it.effect("work that fails again and again has a bounded number of spans, and the rest is counted", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer", { retry: false, circuitBreaker: false })
      const read = Effect.exit(fold("get a")(pipeline.execute(Effect.fail("down"))))
      const { attributes, spans } = yield* traced(Effect.replicateEffect(read, 100))
      assert.strictEqual(attemptsIn(spans).length, mostShown)
      assert.deepStrictEqual(attributes, {
        "kubernaut.reads.failed": 100,
        "kubernaut.reads.folded": 100 - mostShown
      })
    })
  )

  it.effect("spans that the call makes are left out, and the call knows that its peer gets no trace context", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const seen: Array<boolean> = []
      const call = Effect.flatMap(Tracer.DisablePropagation, (disabled) => Effect.sync(() => seen.push(disabled)))
      const { spans } = yield* traced(fold("get a")(pipeline.execute(Effect.withSpan(call, "http.client GET"))))
      assert.deepStrictEqual(
        spans.map(({ name }) => name),
        ["step"]
      )
      assert.deepStrictEqual(seen, [true])
    })
  )

  it.effect("a call that is not folded has a span for each attempt", () =>
    Effect.gen(function* () {
      const pipeline = yield* Pipeline.make("peer")
      const { attributes, spans } = yield* traced(Effect.replicateEffect(pipeline.execute(Effect.succeed("a")), 3))
      assert.strictEqual(attemptsIn(spans).length, 3)
      assert.deepStrictEqual(attributes, {})
    })
  )
})
