import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { countTokens as wholeCount } from "gpt-tokenizer/encoding/o200k_base"
import {
  bytesOf,
  countTokens,
  estimateTokens,
  factorOf,
  sliceLength
} from "../../../src/investigation/models/Tokenizer.ts"

const tokens = (text: string, most = Number.POSITIVE_INFINITY) => countTokens(text, most)

describe("the count of tokens", () => {
  it.effect("is that of o200k_base", () =>
    Effect.gen(function* () {
      // The counts of OpenAI's own tiktoken.
      assert.strictEqual(yield* tokens(""), 0)
      assert.strictEqual(yield* tokens("hello world"), 2)
      assert.strictEqual(yield* tokens("The quick brown fox jumps over the lazy dog."), 10)
    })
  )

  it.effect.prop("is never above the bytes of a text", [Schema.String], ([text]) =>
    Effect.map(tokens(text), (count) => assert.isAtMost(count, bytesOf(text)))
  )

  it.effect("takes names of special tokens for text, which a log may contain", () =>
    Effect.map(tokens("<|endoftext|>"), (count) => assert.isAbove(count, 1))
  )

  it.effect("is at most 2 % more by the cuts between slices", () =>
    Effect.gen(function* () {
      const log = JSON.stringify({
        pod: "checkout-7d9f6b5c4-x2x9k",
        reason: "CrashLoopBackOff",
        restarts: 7,
        exitCode: 137
      })
      for (const part of [`${log}\n`, "The container was restarted, because its probe has failed. "]) {
        const text = part.repeat(400)
        const whole = wholeCount(text)
        assert.isAtLeast(yield* tokens(text), whole)
        assert.isAtMost(yield* tokens(text), whole * 1.02)
      }
    })
  )

  it.effect("stops soon after the limit, however long the text is", () =>
    Effect.gen(function* () {
      const count = yield* tokens("👩‍🚀".repeat(1_000_000), 1000)
      assert.isAbove(count, 1000)
      assert.isAtMost(count, 1000 + 2 * sliceLength)
    })
  )

  it.effect("lets other work run in between", () =>
    Effect.gen(function* () {
      let turns = 0
      const other = Effect.forever(
        Effect.andThen(
          Effect.sync(() => turns++),
          Effect.yieldNow
        )
      )
      const fiber = yield* Effect.forkChild(other, { startImmediately: true })
      yield* tokens("a".repeat(100 * sliceLength))
      fiber.interruptUnsafe()
      assert.isAbove(turns, 3)
    })
  )
})

describe("an estimate", () => {
  it.effect.prop("is at least half of the bytes", [Schema.String], ([text]) =>
    Effect.sync(() => assert.isAtLeast(estimateTokens(text) * 2, Buffer.byteLength(text)))
  )
})

describe("the tokens of other models", () => {
  it.each([
    ["gpt-4o", 1],
    ["o3-mini", 1],
    ["openai/gpt-5.1", 1],
    ["claude-opus-4-7", 1.7],
    ["anthropic/claude-3-5-sonnet", 1.7],
    ["llama3.3", 1.3],
    ["mistral-large", 1.3],
    [undefined, 1.3]
  ] as const)("of %s are %s times as many at most", (model, factor) => {
    assert.strictEqual(factorOf(model), factor)
  })
})
