import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope, type Tracer } from "effect"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import { Response } from "../../src/simulation/farEnds/HolmesGpt.ts"
import type { OtlpSpan } from "../../src/telemetry/OtlpSpan.ts"
import * as SpanSender from "../../src/telemetry/SpanSender.ts"
import * as Tracing from "../../src/telemetry/Tracing.ts"

const span = (name: string): OtlpSpan => ({
  traceId: "0".repeat(32),
  spanId: "1".repeat(16),
  name,
  kind: 1,
  startTimeUnixNano: "1",
  endTimeUnixNano: "2",
  attributes: [],
  events: [],
  links: [],
  status: { code: 1 }
})

type Answer = Effect.Effect<{ readonly status: number; readonly retryAfter?: string }>

const namesIn = (bytes: Uint8Array): ReadonlyArray<string> =>
  (
    JSON.parse(new TextDecoder().decode(bytes)) as {
      readonly resourceSpans: readonly [{ readonly scopeSpans: readonly [{ readonly spans: ReadonlyArray<OtlpSpan> }] }]
    }
  ).resourceSpans[0].scopeSpans[0].spans.map(({ name }) => name)

/** A receiver that answers as it is told to, and what arrived at it. */
const makeReceiver = () => {
  const receiver = {
    answer: Effect.succeed({ status: 200 }) as Answer,
    asked: [] as Array<ReadonlyArray<string>>,
    received: [] as Array<string>,
    atOnce: 0,
    most: 0
  }
  const client = HttpClient.make((request) =>
    Effect.suspend(() => {
      const names = request.body._tag === "Uint8Array" ? namesIn(request.body.body) : []
      receiver.asked.push(names)
      receiver.most = Math.max(receiver.most, ++receiver.atOnce)
      return Effect.map(
        Effect.ensuring(
          receiver.answer,
          Effect.sync(() => receiver.atOnce--)
        ),
        (message) => {
          if (message.status === 200) receiver.received.push(...names)
          return new Response(request, { body: "{}", worth: "neither", ...message }, 1)
        }
      )
    })
  )
  return { receiver, client }
}

const options = {
  url: "http://collector:4318/v1/traces",
  resource: { serviceName: "kubernaut", serviceVersion: "1", attributes: {} },
  queueCapacity: 10,
  batchSize: 4,
  scheduledDelayMs: 5_000,
  exportTimeoutMs: 10_000,
  shutdownTimeoutMs: 3_000
}

const setUp = Effect.gen(function* () {
  const { client, receiver } = makeReceiver()
  const sender = yield* Effect.provideService(SpanSender.make(options), HttpClient.HttpClient, client)
  return {
    receiver,
    sender,
    push: (...names: ReadonlyArray<string>) => names.forEach((name) => sender.push(span(name)))
  }
})

/** Time for everything to run that can, and hardly any for what waits. */
const settled = Effect.repeat(TestClock.adjust("1 millis"), { times: 20 })

const named = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `s${from + index}`)

describe("SpanSender", () => {
  it.effect("sends what has come together after the delay, and a full batch at once", () =>
    Effect.gen(function* () {
      const { push, receiver } = yield* setUp
      push("a", "b")
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(receiver.asked, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(receiver.asked, [["a", "b"]])
      push("c", "d", "e", "f", "g")
      yield* settled
      assert.deepStrictEqual(receiver.asked.slice(1), [["c", "d", "e", "f"], ["g"]])
    })
  )

  it.effect(
    "while the receiver is down the queue is bounded, each span beyond is counted, and what was kept arrives once in order by itself",
    () =>
      Effect.gen(function* () {
        const { push, receiver, sender } = yield* setUp
        receiver.answer = Effect.succeed({ status: 503 })
        push(...named(1, 25))
        yield* TestClock.adjust("10 minutes")
        assert.deepStrictEqual([sender.waiting(), sender.dropped()], [10, 15])
        assert.deepStrictEqual(new Set(receiver.asked.map((names) => names.join())), new Set(["s1,s2,s3,s4"]))
        // 1, 2, 4, 8, 16 and then 30 s between two: no storm at a receiver that is about to come back.
        assert.isAtMost(receiver.asked.length, 26)
        receiver.answer = Effect.succeed({ status: 200 })
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(receiver.received, named(1, 10))
        assert.deepStrictEqual([sender.waiting(), sender.dropped()], [0, 15])
      })
  )

  it.effect("a receiver that hangs is given up after the time limit, and never asked twice at once", () =>
    Effect.gen(function* () {
      const { push, receiver, sender } = yield* setUp
      receiver.answer = Effect.never
      push(...named(1, 8))
      yield* TestClock.adjust("1 minute")
      assert.isAbove(receiver.asked.length, 2)
      assert.strictEqual(receiver.most, 1)
      assert.strictEqual(sender.waiting(), 8)
    })
  )

  it.effect("Retry-After is kept to, up to 30 s, and never makes a storm", () =>
    Effect.gen(function* () {
      for (const [retryAfter, waitsMs] of [
        ["7", 7_000],
        ["86400", 30_000],
        ["soon", 1_000],
        ["0", 1_000]
      ] as const) {
        const { push, receiver } = yield* setUp
        receiver.answer = Effect.succeed({ status: 429, retryAfter })
        push(...named(1, 4))
        yield* TestClock.adjust(waitsMs - 1)
        assert.lengthOf(receiver.asked, 1, retryAfter)
        // The next round begins with the delay of a batch, where no other is full.
        yield* TestClock.adjust(1)
        assert.lengthOf(receiver.asked, 2, retryAfter)
      }
    })
  )

  it.effect("a batch that is refused for good is dropped and counted, and does not stand in the way of the next", () =>
    Effect.gen(function* () {
      const { push, receiver, sender } = yield* setUp
      receiver.answer = Effect.suspend(() => Effect.succeed({ status: receiver.asked.length === 1 ? 400 : 200 }))
      push(...named(1, 6))
      yield* settled
      assert.deepStrictEqual(receiver.received, ["s5", "s6"])
      assert.strictEqual(sender.dropped(), 4)
    })
  )

  it.effect(
    "at its end what is left is sent; a receiver that is down or hangs holds the end up by three seconds at most and fails nothing",
    () =>
      Effect.gen(function* () {
        for (const [answer, received] of [
          [Effect.succeed({ status: 200 }), 6],
          [Effect.succeed({ status: 503 }), 0],
          [Effect.never, 0]
        ] as const) {
          const { client, receiver } = makeReceiver()
          receiver.answer = answer
          const scope = yield* Scope.make()
          const sender = yield* SpanSender.make(options).pipe(
            Effect.provideService(HttpClient.HttpClient, client),
            Scope.provide(scope)
          )
          for (const name of named(1, 6)) sender.push(span(name))
          const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
          yield* TestClock.adjust("3 seconds")
          assert.strictEqual(closing.pollUnsafe()?._tag, "Success")
          assert.lengthOf(receiver.received, received)
          assert.strictEqual(sender.dropped(), 6 - received)
        }
      })
  )
})

describe("Tracing.listening", () => {
  it.effect(
    "leaves a span to its tracer and tells once of each that has ended, with its attributes, parent and failure",
    () =>
      Effect.gen(function* () {
        const ended: Array<Tracer.Span> = []
        const tracer = Tracing.listening(yield* Effect.tracer, (each) => ended.push(each))
        const inner = Effect.withSpan(Effect.exit(Effect.withSpan(Effect.die(new Error("no")), "failing")), "inner", {
          attributes: { a: 1 }
        })
        yield* Effect.withTracer(Effect.withSpan(inner, "outer"), tracer)
        assert.deepStrictEqual(
          ended.map(({ name, status }) => [name, status._tag === "Ended" ? status.exit._tag : "open"]),
          [
            ["failing", "Failure"],
            ["inner", "Success"],
            ["outer", "Success"]
          ]
        )
        assert.strictEqual(new Set(ended.map(({ traceId }) => traceId)).size, 1)
      })
  )
})
