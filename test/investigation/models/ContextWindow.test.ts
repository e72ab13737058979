import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result } from "effect"
import {
  answerTokens,
  defaultContextTokens,
  fit,
  type Fitted,
  type Window
} from "../../../src/investigation/models/ContextWindow.ts"
import { bytesOf, countTokens, estimate } from "../../../src/investigation/models/Tokenizer.ts"
import { alert, evidence, request } from "../fixtures/Requests.ts"

const large = request({
  evidence: evidence({
    logs: [{ pod: "p", revision: 2, current: true, container: "c", previous: true, text: "l".repeat(60_000) }],
    events: Array.from({ length: 100 }, () => ({
      object: "Pod p",
      type: "Warning",
      reason: "R",
      message: "e".repeat(300),
      count: 1,
      lastSeen: null
    }))
  }),
  related: Array.from({ length: 20 }, (_, index) =>
    alert({ name: `Related${index}`, annotations: { description: "r".repeat(500) } })
  )
})

/** Each byte is a token, so sizes are easy to follow. */
const bytes: Window["count"] = (text) => Effect.sync(() => bytesOf(text))

const window = (contextTokens: number, more: Partial<Window> = {}): Window => ({
  contextTokens,
  roomTokens: contextTokens,
  overhead: "",
  answerTokens: 0,
  count: bytes,
  factor: 1,
  ...more
})

const fitted = (contextTokens: number, more: Partial<Window> = {}, given = large): Effect.Effect<Fitted> =>
  Effect.map(fit(given, window(contextTokens, more)), Result.getOrThrow)

describe("a prompt", () => {
  it.effect("keeps all parts in the default window if it is a typical one, and nothing is counted", () =>
    Effect.gen(function* () {
      const more = { overhead: "schema", answerTokens, count: () => Effect.die("counted") }
      const made = yield* fitted(defaultContextTokens, more)
      assert.deepStrictEqual([made.without, made.measure], [[], "estimated"])
      assert.isBelow(made.tokens, defaultContextTokens)
    })
  )

  it.effect("omits logs first, then events, related alerts, and partial findings, where there are any", () =>
    Effect.gen(function* () {
      const partial = [
        { investigator: "holmesgpt", findings: [{ source: "tool", about: "a", text: "x".repeat(400) } as const] }
      ]
      const steps: Array<ReadonlyArray<string>> = []
      const more = { measure: "counted", roomTokens: 1e6 } as const
      let tokens = (yield* fitted(1e6, more, { ...large, partial })).tokens
      for (;;) {
        const made = yield* fit({ ...large, partial }, window(tokens - 1, more))
        if (Result.isFailure(made)) {
          assert.deepStrictEqual(made.failure, { tokens, limit: tokens - 1 })
          break
        }
        assert.isBelow(made.success.tokens, tokens)
        tokens = made.success.tokens
        steps.push(made.success.without)
      }
      assert.deepStrictEqual(steps, [
        ["logs"],
        ["logs", "events"],
        ["logs", "events", "related"],
        ["logs", "events", "related", "partial"]
      ])
    })
  )

  it.effect("keeps its logs and events, and lets other work of the process go on, however long its alerts are", () =>
    Effect.gen(function* () {
      const long = (index: number) =>
        alert({
          name: `Related${index}`,
          annotations: Object.fromEntries(
            Array.from({ length: 50 }, (_, each) => [`${each}${"n".repeat(8000)}`, "words and ".repeat(819)])
          )
        })
      const given = { ...large, alert: long(0), related: Array.from({ length: 30 }, (_, index) => long(index)) }
      let turns = 0
      const others = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => turns++),
            Effect.yieldNow
          )
        ),
        { startImmediately: true }
      )
      const made = yield* fitted(defaultContextTokens, { answerTokens, count: countTokens }, given)
      yield* Fiber.interrupt(others)
      assert.deepStrictEqual(made.without, [])
      assert.isBelow(bytesOf(made.prompt.question), 250_000)
      // At least once between two alerts.
      assert.isAbove(turns, 20)
      for (const contextTokens of [9000, 16_000]) {
        const small = yield* fitted(
          contextTokens,
          { answerTokens, roomTokens: contextTokens - answerTokens, count: countTokens },
          { ...given, evidence: evidence() }
        )
        assert.deepStrictEqual(small.without, [])
      }
    })
  )

  it.effect("is measured with the overhead, the tokens of the answer, and the density of the model's own tokens", () =>
    Effect.gen(function* () {
      const counted = { measure: "counted" } as const
      const bare = (yield* fitted(1e6, counted)).tokens
      const made = yield* fitted(1e6, { ...counted, overhead: "x".repeat(100), answerTokens: 7 })
      assert.strictEqual(made.tokens, bare + 100 + 7)
      assert.strictEqual((yield* fitted(1e6, { ...counted, factor: 1.7 })).tokens, Math.ceil(bare * 1.7))
    })
  )

  it.effect("that a provider has found too long is measured as before, so that no size is sent twice", () =>
    Effect.gen(function* () {
      const first = yield* fitted(200_000)
      assert.strictEqual(first.measure, "estimated")
      // By its bytes it does not fit now, and counted it would seem to.
      const count = () => Effect.succeed(1)
      const within = { contextTokens: first.tokens - 1, count }
      assert.deepStrictEqual((yield* fitted(within.contextTokens, { count })).without, [])
      const next = yield* fitted(within.contextTokens, { count, measure: first.measure })
      assert.deepStrictEqual(next.without, ["logs"])
      assert.isBelow(next.tokens, first.tokens)
    })
  )

  it.effect("keeps its logs in a small window by a real count, where an estimate would drop them", () =>
    Effect.gen(function* () {
      const words = "Connection to the database was refused, and the container is restarted now.\n".repeat(500)
      const given = request({
        evidence: evidence({
          logs: [{ pod: "p", revision: 2, current: true, container: "c", previous: true, text: words }]
        })
      })
      const contextTokens = 16_000
      assert.deepStrictEqual((yield* fitted(contextTokens, { count: countTokens }, given)).without, [])
      assert.deepStrictEqual((yield* fitted(contextTokens, { count: estimate }, given)).without, ["logs"])
    })
  )

  it.effect("loses what is denser than an estimate says", () =>
    Effect.gen(function* () {
      const text = Array.from({ length: 30_000 }, (_, at) => "0123456789abcdef"[(at * 7 + (at >> 3) * 5) % 16]).join("")
      const given = request({
        evidence: evidence({ logs: [{ pod: "p", revision: 2, current: true, container: "c", previous: true, text }] })
      })
      const contextTokens = 21_000
      assert.deepStrictEqual((yield* fitted(contextTokens, { count: estimate }, given)).without, [])
      assert.deepStrictEqual((yield* fitted(contextTokens, { count: countTokens }, given)).without, ["logs"])
    })
  )
})
