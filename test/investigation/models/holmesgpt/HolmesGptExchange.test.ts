import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Stream } from "effect"
import { HttpClient, HttpClientError, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { exchange, type Server, streamsBy } from "../../../../src/investigation/models/holmesgpt/HolmesGptExchange.ts"
import { Excuses } from "../../../../src/resilience/TimeLimit.ts"
import { passageOf, Response, wholeResponse } from "../../../../src/simulation/farEnds/HolmesGptConversation.ts"
import { events } from "../../../peers/HolmesGptPeer.ts"

type Part = readonly [afterMs: number, text: string] | readonly [afterMs: number, "ends" | "breaks" | "hangs"]

/** A response whose parts arrive at these times. `headMs`: when its head does. */
interface Script {
  readonly headMs: number
  readonly status?: number
  readonly isStream?: boolean
  readonly parts: ReadonlyArray<Part>
}

const encoder = new TextEncoder()

/** A body whose parts arrive in time. */
const bodyOf = (request: HttpClientRequest.HttpClientRequest, parts: ReadonlyArray<Part>) =>
  Stream.fromIterable(parts).pipe(
    Stream.mapEffect(([afterMs, text]) =>
      Effect.andThen(
        Effect.sleep(afterMs),
        text === "breaks"
          ? Effect.fail(passageOf(request).broken("truncated"))
          : text === "hangs"
            ? Effect.never
            : Effect.succeed(encoder.encode(text === "ends" ? "" : text))
      )
    )
  )

const description = (properties: object) => JSON.stringify({ components: { schemas: { ChatRequest: { properties } } } })

/** Runs one exchange, and returns its outcome with the time that it took. */
const run = (
  script: Script,
  options: { readonly streams?: boolean; readonly openApi?: string; readonly forMs?: number } = {}
) =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    const client = HttpClient.make((request) =>
      Effect.suspend(() => {
        asked.push(new URL(request.url).pathname)
        if (request.method === "GET") {
          return options.openApi === undefined
            ? Effect.never
            : Effect.succeed(wholeResponse(request, { status: 200, body: options.openApi }))
        }
        const head = {
          status: script.status ?? 200,
          contentType: script.isStream === false ? "application/json" : "text/event-stream"
        } as const
        return Effect.as(Effect.sleep(script.headMs), new Response(request, head, bodyOf(request, script.parts)))
      })
    )
    const server: Server = {
      client,
      base: "http://holmes:5050",
      firstSignMs: 10_000,
      maxBytes: 100_000,
      streams: options.streams,
      excuses: new Excuses()
    }
    const findings: Array<string> = []
    const fiber = yield* Effect.forkChild(
      exchange(server, {
        request: HttpClientRequest.post("http://holmes:5050/api/chat"),
        size: { tokens: 1, limit: 2 },
        onFinding: ({ text }) => findings.push(text)
      })
    )
    let tookMs = 0
    for (; fiber.pollUnsafe() === undefined && tookMs < (options.forMs ?? 60_000); tookMs += 100) {
      yield* TestClock.adjust(100)
    }
    const exit = fiber.pollUnsafe()
    if (exit === undefined) yield* Fiber.interrupt(fiber)
    const outcome =
      exit === undefined
        ? "under way"
        : Exit.isSuccess(exit)
          ? exit.value
          : exit.cause.reasons.flatMap((reason) => (reason._tag === "Fail" ? [reason.error] : []))[0]
    return { outcome, tookMs, asked, findings, server }
  })

const reasonOf = ({ outcome }: { readonly outcome: unknown }) =>
  typeof outcome === "object" && outcome !== null
    ? [
        (outcome as { readonly reason: { readonly _tag: string } }).reason._tag,
        (outcome as { readonly retryable: boolean }).retryable
      ]
    : outcome

const answer = events.answer("the answer")

describe("a server that sends nothing", () => {
  it.effect("is silent after the time for a first sign, with a head or without, and its head is no sign", () =>
    Effect.gen(function* () {
      for (const headMs of [0, 9_000, 1_000_000]) {
        const seen = yield* run({ headMs, parts: [[1_000_000, answer]] })
        assert.deepStrictEqual(reasonOf(seen), ["Silent", false])
        assert.strictEqual(seen.tookMs, 10_000)
      }
    })
  )

  it.effect("is asked for its description at half time, once, and waited for if that has no streams", () =>
    Effect.gen(function* () {
      const script: Script = { headMs: 50_000, isStream: false, parts: [[0, '{"analysis":"the answer"}']] }
      const old = yield* run(script, { openApi: description({ ask: {} }) })
      assert.strictEqual(old.outcome, "the answer")
      assert.deepStrictEqual(old.asked, ["/api/chat", "/openapi.json"])
      assert.isFalse(old.server.streams)
      const known = yield* run(script, { streams: false })
      assert.strictEqual(known.outcome, "the answer")
      assert.deepStrictEqual(known.asked, ["/api/chat"])
    })
  )

  it.effect("is silent at the same time if it describes streams, or no API at all, or not in time", () =>
    Effect.gen(function* () {
      for (const openApi of [description({ ask: {}, stream: {} }), "<html>", undefined]) {
        const seen = yield* run({ headMs: 1_000_000, parts: [] }, openApi === undefined ? {} : { openApi })
        assert.deepStrictEqual(reasonOf(seen), ["Silent", false])
        assert.strictEqual(seen.tookMs, 10_000)
      }
      assert.deepStrictEqual((yield* run({ headMs: 1_000_000, parts: [] }, { streams: true })).asked, ["/api/chat"])
    })
  )
})

describe("a gateway in front of a server", () => {
  const page = '{"status":"ok"}'
  const pages: Script = { headMs: 0, isStream: false, parts: [[0, page]] }
  const hangs: Script = { headMs: 1_000_000, parts: [] }

  it.effect("that only keeps the connection open is silent after the time for a first sign", () =>
    Effect.gen(function* () {
      for (const [isStream, text] of [
        [true, ": ping\n\n"],
        [false, "\n"]
      ] as const) {
        const seen = yield* run({ headMs: 0, isStream, parts: Array.from({ length: 30 }, () => [1000, text]) })
        assert.deepStrictEqual(reasonOf(seen), ["Silent", false])
        assert.strictEqual(seen.tookMs, 10_000)
      }
    })
  )

  it.effect("says by a page of its own nothing about streams, so a silent server behind it is noticed", () =>
    Effect.gen(function* () {
      for (const body of [page, "<html>maintenance</html>", "", "null"]) {
        const { outcome, server } = yield* run({ ...pages, parts: [[0, body]] })
        assert.deepStrictEqual(reasonOf({ outcome }), ["InvalidAnswer", false])
        assert.isUndefined(server.streams)
        const seen = yield* run(hangs, server.streams === undefined ? {} : { streams: server.streams })
        assert.strictEqual(seen.tookMs, 10_000)
      }
      assert.isTrue((yield* run(pages, { streams: true })).server.streams)
    })
  )

  it.effect("is not between us and a server whose whole response is one of this API, so it cannot stream", () =>
    Effect.gen(function* () {
      for (const streams of [undefined, true]) {
        const script: Script = { headMs: 5000, isStream: false, parts: [[0, '{"analysis":"the answer"}']] }
        const { outcome, server } = yield* run(script, streams === undefined ? {} : { streams })
        assert.strictEqual(outcome, "the answer")
        assert.isFalse(server.streams)
      }
    })
  )
})

describe("a server that works", () => {
  it.effect("has as much time as it needs after its first sign, also between two events", () =>
    Effect.gen(function* () {
      const seen = yield* run({
        headMs: 0,
        parts: [
          [9_000, events.tokens],
          [40_000, answer],
          [0, "ends"]
        ]
      })
      assert.strictEqual(seen.outcome, "the answer")
      assert.isTrue(seen.server.streams)
    })
  )

  it.effect("has answered when its answer is there, although the stream stays open", () =>
    Effect.gen(function* () {
      const seen = yield* run({
        headMs: 0,
        parts: [
          [100, answer],
          [0, "hangs"]
        ]
      })
      assert.strictEqual(seen.outcome, "the answer")
      assert.isAtMost(seen.tookMs, 500)
    })
  )

  it.effect("is left in the moment in which its model loops", () =>
    Effect.gen(function* () {
      const call = events.result("kubectl_logs", "a line")
      const seen = yield* run({
        headMs: 0,
        parts: [
          [100, call + call],
          [1_000, call],
          [0, "hangs"]
        ]
      })
      assert.deepStrictEqual(reasonOf(seen), ["ToolLoop", false])
      assert.deepStrictEqual(seen.findings, ["a line"])
      assert.isAtMost(seen.tookMs, 1_500)
    })
  )
})

describe("a stream that breaks off", () => {
  it.effect("is asked for again only if it has shown no work", () =>
    Effect.gen(function* () {
      for (const end of ["breaks", "ends"] as const) {
        const bare = yield* run({
          headMs: 0,
          parts: [
            [100, ": ping\n\n"],
            [100, end]
          ]
        })
        assert.deepStrictEqual(reasonOf(bare), ["Unavailable", true], end)
        const worked = yield* run({
          headMs: 0,
          parts: [
            [100, events.tokens],
            [100, end]
          ]
        })
        assert.deepStrictEqual(reasonOf(worked), ["Unavailable", false], end)
        const late = yield* run({
          headMs: 0,
          parts: [
            [9_000, 'data: "'],
            [9_000, end]
          ]
        })
        assert.deepStrictEqual(reasonOf(late), ["Unavailable", false], end)
      }
    })
  )

  it.effect("has the answer if that came as a whole, and never half of one", () =>
    Effect.gen(function* () {
      for (const end of ["breaks", "ends"] as const) {
        const whole = answer.slice(0, answer.indexOf("conversation_history"))
        assert.strictEqual(
          (yield* run({
            headMs: 0,
            parts: [
              [100, whole],
              [0, end]
            ]
          })).outcome,
          "the answer"
        )
        const half = answer.slice(0, answer.indexOf('answer"'))
        assert.deepStrictEqual(
          reasonOf(
            yield* run({
              headMs: 0,
              parts: [
                [100, half],
                [0, end]
              ]
            })
          ),
          ["Unavailable", false]
        )
      }
    })
  )

  it.effect("keeps what was found before", () =>
    Effect.gen(function* () {
      const seen = yield* run({
        headMs: 0,
        parts: [
          [100, events.message("I see.")],
          [0, "breaks"]
        ]
      })
      assert.deepStrictEqual(seen.findings, ["I see."])
    })
  )
})

describe("an error", () => {
  it.effect("that comes late has cost an investigation, and is not retried", () =>
    Effect.gen(function* () {
      const error: Script = { headMs: 100, status: 500, isStream: false, parts: [[0, "{}"]] }
      assert.deepStrictEqual(reasonOf(yield* run(error)), ["Unavailable", true])
      assert.deepStrictEqual(reasonOf(yield* run({ ...error, headMs: 30_000 }, { streams: false })), [
        "Unavailable",
        false
      ])
    })
  )

  it.effect("whose body never ends is an error all the same", () =>
    Effect.gen(function* () {
      const seen = yield* run({ headMs: 0, status: 503, parts: [[0, "hangs"]] })
      assert.deepStrictEqual(reasonOf(seen), ["Unavailable", true])
    })
  )

  it.effect("of a connection that cannot be made is Unavailable, and of a request that cannot be sent BadRequest", () =>
    Effect.gen(function* () {
      const { EncodeError, TransportError } = HttpClientError
      for (const [Reason, reason] of [
        [TransportError, { _tag: "Unavailable" }],
        [EncodeError, { _tag: "BadRequest", unsent: true }]
      ] as const) {
        const client = HttpClient.make((request) =>
          Effect.fail(new HttpClientError.HttpClientError({ reason: new Reason({ request }) }))
        )
        const error = yield* Effect.flip(
          exchange(
            { client, base: "http://h", firstSignMs: 10_000, maxBytes: 1000, streams: true, excuses: new Excuses() },
            { request: HttpClientRequest.post("http://h"), size: { tokens: 1, limit: 2 }, onFinding: () => {} }
          )
        )
        assert.deepStrictEqual(error.reason, reason)
      }
    })
  )
})

describe("a response that is too long", () => {
  it.effect("is no answer, in a stream and as a whole", () =>
    Effect.gen(function* () {
      for (const isStream of [true, false]) {
        const seen = yield* run({
          headMs: 0,
          isStream,
          parts: [
            [0, "x".repeat(100_001)],
            [0, "hangs"]
          ]
        })
        assert.deepStrictEqual(reasonOf(seen), ["InvalidAnswer", false])
      }
    })
  )
})

describe("the description of an API", () => {
  it("says whether requests may ask for a stream, or nothing", () => {
    assert.strictEqual(streamsBy(description({ stream: {} })), true)
    assert.strictEqual(streamsBy(description({ ask: {} })), false)
    for (const other of ["", "null", "{}", '{"components":{"schemas":{}}}']) assert.isUndefined(streamsBy(other), other)
  })
})
