import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import {
  answerTokens,
  defaultContextTokens,
  estimateTokens,
  fit
} from "../../../src/investigation/models/ContextWindow.ts"
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

const fitted = (contextTokens: number) => fit(large, { contextTokens, overhead: "", answerTokens: 0 })

describe("ContextWindow", () => {
  it("keeps all parts of a typical prompt in the default window", () => {
    const made = Result.getOrThrow(
      fit(large, { contextTokens: defaultContextTokens, overhead: "schema", answerTokens })
    )
    assert.deepStrictEqual(made.without, [])
    assert.isBelow(made.tokens, defaultContextTokens)
  })

  it("omits logs first, then events, then related alerts", () => {
    const whole = Result.getOrThrow(fitted(1e6)).tokens
    const noLogs = Result.getOrThrow(fitted(whole - 1))
    assert.deepStrictEqual(noLogs.without, ["logs"])
    const noEvents = Result.getOrThrow(fitted(noLogs.tokens - 1))
    assert.deepStrictEqual(noEvents.without, ["logs", "events"])
    const noRelated = Result.getOrThrow(fitted(noEvents.tokens - 1))
    assert.deepStrictEqual(noRelated.without, ["logs", "events", "related"])
    assert.deepStrictEqual(
      fitted(noRelated.tokens - 1),
      Result.fail({ tokens: noRelated.tokens, limit: noRelated.tokens - 1 })
    )
  })

  it("counts the overhead and the tokens reserved for the answer", () => {
    const bare = Result.getOrThrow(fitted(1e6)).tokens
    const made = Result.getOrThrow(fit(large, { contextTokens: 1e6, overhead: "x".repeat(100), answerTokens: 7 }))
    assert.strictEqual(made.tokens, bare + 50 + 7)
  })

  it.effect.prop("a text is never estimated at fewer tokens than half its bytes", [Schema.String], ([text]) =>
    Effect.sync(() => assert.isAtLeast(estimateTokens(text) * 2, Buffer.byteLength(text)))
  )
})
