import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { collect } from "../../../src/investigation/models/providers/StreamedResponse.ts"
import { Excuses } from "../../../src/resilience/TimeLimit.ts"

const patience = { firstSignMs: 10_000, stallMs: 20_000, excuses: { head: new Excuses(), body: new Excuses() } }

/** Lets what the runtime has queued for the streams run. */
const settled = Effect.yieldNow

/** A response whose body a test writes. */
const scripted = (contentType: string) => {
  let body: ReadableStreamDefaultController<Uint8Array> | undefined
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (body = controller) })
  return {
    response: new Response(stream, { headers: { "content-type": contentType } }),
    send: (text: string) => body!.enqueue(new TextEncoder().encode(text)),
    end: () => body!.close(),
    fail: () => body!.error(new Error("reset"))
  }
}

type Script = ReturnType<typeof scripted>

const collecting = Effect.fnUntraced(function* (contentType: string) {
  const script = scripted(contentType)
  const fiber = yield* Effect.forkChild(
    collect(
      () => Promise.resolve(script.response),
      patience,
      () => "broken" as const,
      { isWork: (event) => "a" in (event as object), isError: (event) => "error" in (event as object) }
    ),
    { startImmediately: true }
  )
  yield* settled
  /** Sends a text each second, and returns after how many seconds it ended; `undefined`: within an hour it did not. */
  const sentEachSecond = Effect.fnUntraced(function* (text: string, seconds: number) {
    for (let second = 1; second <= seconds; second++) {
      yield* TestClock.adjust(1000)
      yield* settled
      if (fiber.pollUnsafe() !== undefined) return second
      script.send(text)
      yield* settled
    }
    return undefined
  })
  const outcome = Effect.map(Fiber.await(fiber), (exit) =>
    Exit.isSuccess(exit)
      ? exit.value
      : exit.cause.reasons.flatMap((each) => (each._tag === "Fail" ? [each.error] : []))[0]
  )
  return { script, sentEachSecond, outcome, fiber }
})

const silent = { _tag: "Silent", isExcused: false }
const event = 'data: {"a":1}\n\n'
const events = (count: number) => ({
  _tag: "Events",
  events: Array.from({ length: count }, () => ({ a: 1 })),
  hasHole: false,
  hasWork: true
})

describe("a provider that only keeps the connection open", () => {
  it.effect.each<readonly [string, string, string]>([
    ["comments", "text/event-stream", ": OPENROUTER PROCESSING\n\n"],
    ["names of events without data", "text/event-stream", "event: ping\n\n"],
    ["events that say nothing", "text/event-stream", 'data: {"role":"assistant"}\n\n'],
    ["data that is no JSON", "text/event-stream", "data: ping\n\n"],
    ["the beginning of an event that does not end", "text/event-stream", 'data: {"a":"'],
    ["empty lines before a whole body", "application/json", "\n"]
  ])("by %s is silent after the time for a first sign", ([_by, contentType, text]) =>
    Effect.gen(function* () {
      const { outcome, sentEachSecond } = yield* collecting(contentType)
      assert.strictEqual(yield* sentEachSecond(text, 60), 10)
      assert.deepStrictEqual<unknown>(yield* outcome, silent)
    })
  )

  it.effect("and then breaks it has failed before anything came, and one that broke later has not", () =>
    Effect.gen(function* () {
      const ends: ReadonlyArray<readonly [string, unknown]> = [
        [": wait\n\n", "broken"],
        ['data: {"role":1}\n\n', { _tag: "Events", events: [{ role: 1 }], hasHole: false, hasWork: false }],
        ['data: {"error":{}}\n\n', { _tag: "Events", events: [{ error: {} }], hasHole: false, hasWork: false }],
        [event, events(1)]
      ]
      for (const [text, expected] of ends) {
        const { outcome, script } = yield* collecting("text/event-stream")
        script.send(text)
        yield* settled
        script.fail()
        assert.deepStrictEqual<unknown>(yield* outcome, expected)
      }
    })
  )
})

describe("a provider that works", () => {
  const finish = Effect.fnUntraced(function* (script: Script) {
    script.send(event)
    script.end()
    yield* settled
  })

  it.effect("may keep the connection open before its first event, and after it for as long as it thinks", () =>
    Effect.gen(function* () {
      const { outcome, script, sentEachSecond } = yield* collecting("text/event-stream")
      assert.isUndefined(yield* sentEachSecond(": wait\n\n", 9))
      script.send(event)
      yield* settled
      assert.isUndefined(yield* sentEachSecond(": wait\n\n", 120))
      yield* finish(script)
      assert.deepStrictEqual<unknown>(yield* outcome, events(2))
    })
  )

  it.effect("and then sends nothing at all is left with what has arrived", () =>
    Effect.gen(function* () {
      const { fiber, outcome, script } = yield* collecting("text/event-stream")
      script.send(event)
      yield* settled
      yield* TestClock.adjust(19_999)
      yield* settled
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust(1)
      assert.deepStrictEqual<unknown>(yield* outcome, events(1))
    })
  )

  it.effect("may send empty lines before a whole body", () =>
    Effect.gen(function* () {
      const { outcome, script, sentEachSecond } = yield* collecting("application/json")
      assert.isUndefined(yield* sentEachSecond("\n", 2))
      script.send('{"a":1}')
      script.end()
      assert.deepStrictEqual<unknown>(yield* outcome, { _tag: "Whole", text: '\n\n{"a":1}', isCut: false })
    })
  )
})
