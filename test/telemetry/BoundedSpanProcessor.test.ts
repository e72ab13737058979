import { assert, describe, it } from "@effect/vitest"
import type { Span } from "@opentelemetry/sdk-trace-base"
import { Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import * as BoundedSpanProcessor from "../../src/telemetry/BoundedSpanProcessor.ts"
import { type ExportOutcome, outcomeOf, type ReadableSpan, SpanExporter } from "../../src/telemetry/SpanExporter.ts"

const span = (name: string, traceFlags = 1): ReadableSpan =>
  ({
    name,
    events: [],
    spanContext: () => ({ traceId: "1".repeat(32), spanId: "1".repeat(16), traceFlags })
  }) as unknown as ReadableSpan

const response = (status: number, retryAfter?: string) => Effect.succeed(outcomeOf(status, retryAfter))

/** A receiver whose response a test sets, and a record of what it was sent. */
const makeReceiver = () => {
  const receiver = {
    response: response(200) as Effect.Effect<ExportOutcome>,
    requests: [] as Array<ReadonlyArray<string>>,
    received: [] as Array<string>,
    concurrent: 0,
    mostConcurrent: 0
  }
  const exporter = SpanExporter.of({
    destination: "http://collector:4318/v1/traces",
    export: (spans) =>
      Effect.suspend(() => {
        const names = spans.map(({ name }) => name)
        receiver.requests.push(names)
        receiver.mostConcurrent = Math.max(receiver.mostConcurrent, ++receiver.concurrent)
        return receiver.response.pipe(
          Effect.ensuring(Effect.sync(() => receiver.concurrent--)),
          Effect.tap(({ _tag }) =>
            Effect.sync(() => {
              if (_tag === "Exported") receiver.received.push(...names)
            })
          )
        )
      })
  })
  return { receiver, exporter }
}

const options: BoundedSpanProcessor.ProcessorOptions = {
  queueCapacity: 10,
  batchSize: 4,
  scheduledDelayMs: 5_000,
  exportTimeoutMs: 10_000,
  shutdownTimeoutMs: 3_000
}

const setUp = Effect.gen(function* () {
  const { exporter, receiver } = makeReceiver()
  const processor = yield* Effect.provideService(BoundedSpanProcessor.make(options), SpanExporter, exporter)
  return {
    receiver,
    processor,
    end: (...names: ReadonlyArray<string>) => names.forEach((name) => processor.onEnd(span(name)))
  }
})

/** Runs everything that is ready, within 20 ms. */
const settled = Effect.repeat(TestClock.adjust("1 millis"), { times: 20 })

const named = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `s${from + index}`)

describe("BoundedSpanProcessor", () => {
  it.effect("exports a partial batch after the delay, and a full batch at once", () =>
    Effect.gen(function* () {
      const { end, receiver } = yield* setUp
      end("a", "b")
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(receiver.requests, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(receiver.requests, [["a", "b"]])
      end("c", "d", "e", "f", "g")
      yield* settled
      assert.deepStrictEqual(receiver.requests.slice(1), [["c", "d", "e", "f"], ["g"]])
    })
  )

  it.effect("exports only sampled spans", () =>
    Effect.gen(function* () {
      const { end, processor, receiver } = yield* setUp
      processor.onStart({} as Span, {} as never)
      processor.onEnd(span("recorded only", 0))
      end("sampled")
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([receiver.received, processor.dropped()], [["sampled"], 0])
    })
  )

  it.effect(
    "bounds the queue and counts each lost span while the receiver is down, and exports the queue in order when it is back",
    () =>
      Effect.gen(function* () {
        const { end, processor, receiver } = yield* setUp
        receiver.response = response(503)
        end(...named(1, 25))
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual([processor.queued(), processor.dropped()], [10, 15])
        assert.deepStrictEqual(new Set(receiver.requests.map((names) => names.join())), new Set(["s1,s2,s3,s4"]))
        // The waits are 1, 2, 4, 8, 16 and then 30 s: a receiver that is about to recover is not overrun.
        assert.isAtMost(receiver.requests.length, 26)
        receiver.response = response(200)
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(receiver.received, named(1, 10))
        assert.deepStrictEqual([processor.queued(), processor.dropped()], [0, 15])
      })
  )

  it.effect("gives up an export after its time limit, and never runs two at once", () =>
    Effect.gen(function* () {
      const { end, processor, receiver } = yield* setUp
      receiver.response = Effect.never
      end(...named(1, 8))
      yield* TestClock.adjust("1 minute")
      assert.isAbove(receiver.requests.length, 2)
      assert.strictEqual(receiver.mostConcurrent, 1)
      assert.strictEqual(processor.queued(), 8)
    })
  )

  it.effect("retries a batch after a defect of the exporter", () =>
    Effect.gen(function* () {
      const { end, processor, receiver } = yield* setUp
      receiver.response = Effect.die("defect")
      end(...named(1, 4))
      yield* settled
      receiver.response = response(200)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([receiver.received, processor.dropped()], [named(1, 4), 0])
    })
  )

  for (const [retryAfter, waitMs] of [
    ["7", 7_000],
    ["86400", 30_000],
    ["soon", 1_000],
    ["0", 1_000]
  ] as const)
    it.effect(`waits ${waitMs} ms after Retry-After: ${retryAfter}`, () =>
      Effect.gen(function* () {
        const { end, receiver } = yield* setUp
        receiver.response = response(429, retryAfter)
        end(...named(1, 4))
        yield* TestClock.adjust(waitMs - 1)
        assert.lengthOf(receiver.requests, 1)
        yield* TestClock.adjust(1)
        assert.lengthOf(receiver.requests, 2)
      })
    )

  it.effect("drops and counts a batch that is rejected, and continues with the next", () =>
    Effect.gen(function* () {
      const { end, processor, receiver } = yield* setUp
      receiver.response = Effect.suspend(() => response(receiver.requests.length === 1 ? 400 : 200))
      end(...named(1, 6))
      yield* settled
      assert.deepStrictEqual(receiver.received, ["s5", "s6"])
      assert.strictEqual(processor.dropped(), 4)
    })
  )

  it.effect("exports the queue when it is flushed, and nothing after its shutdown", () =>
    Effect.gen(function* () {
      const { end, processor, receiver } = yield* setUp
      end("a")
      yield* Effect.promise(() => processor.forceFlush())
      assert.deepStrictEqual(receiver.received, ["a"])
      end("b")
      yield* Effect.promise(() => processor.shutdown())
      end("c")
      assert.deepStrictEqual([receiver.received, processor.dropped()], [["a", "b"], 1])
    })
  )

  it.effect(
    "logs that rejected spans are dropped, that spans of an outage are queued, and the recovery, once each",
    () =>
      Effect.gen(function* () {
        const messages: Array<unknown> = []
        const logger = Logger.make(({ message }) => messages.push((message as ReadonlyArray<unknown>)[0]))
        yield* Effect.gen(function* () {
          const { end, receiver } = yield* setUp
          for (const status of [302, 400, 503, 503, 200, 200]) {
            receiver.response = response(status)
            end(...named(1, 4))
            yield* TestClock.adjust("1 second")
          }
        }).pipe(Effect.provide(Logger.layer([logger])))
        assert.deepStrictEqual(messages, [
          "The receiver rejects traces; rejected spans are dropped",
          "Traces cannot be exported; spans are queued, and dropped once the queue is full",
          "Traces are exported again"
        ])
      })
  )

  for (const ending of ["completes", "is interrupted"] as const)
    for (const [receiverIs, outcome, received] of [
      ["up", response(200), 6],
      ["slow", Effect.delay(response(200), "1 second"), 6],
      ["too slow", Effect.delay(response(200), "2 seconds"), 4],
      ["down", response(503), 0],
      ["hanging", Effect.never, 0]
    ] as const)
      it.effect(
        `closes within three seconds when its program ${ending} while the receiver is ${receiverIs}, and exports or counts the queue`,
        () =>
          Effect.gen(function* () {
            const { exporter, receiver } = makeReceiver()
            receiver.response = outcome
            let processor: BoundedSpanProcessor.BoundedSpanProcessor | undefined
            const program = yield* Effect.gen(function* () {
              processor = yield* BoundedSpanProcessor.make(options)
              yield* Effect.yieldNow
              for (const name of named(1, 6)) processor.onEnd(span(name))
              yield* ending === "is interrupted" ? Effect.never : Effect.void
            }).pipe(Effect.provideService(SpanExporter, exporter), Effect.scoped, Effect.forkChild)
            yield* Effect.repeat(Effect.yieldNow, {
              until: () => processor?.queued() === 6 || program.pollUnsafe() !== undefined,
              times: 20
            })
            if (ending === "is interrupted") yield* Effect.forkChild(Fiber.interrupt(program))
            yield* TestClock.adjust("3 seconds")
            assert.isDefined(program.pollUnsafe())
            assert.lengthOf(receiver.received, received)
            assert.strictEqual(processor?.dropped(), 6 - received)
          })
      )
})
