import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as RetryPolicy from "../../../src/resilience/pipeline/RetryPolicy.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("RetryPolicy", () => {
  it("the waits before five attempts are 0, 100, 200, 400 and 800 ms", () => {
    assert.deepStrictEqual(
      [1, 2, 3, 4, 5].map((attempt) => RetryPolicy.delayBeforeMs(attempt, RetryPolicy.defaults, 0)),
      [0, 100, 200, 400, 800]
    )
  })

  it.effect.prop(
    "jitter adds at most 10 % to a wait or to the cap",
    [between(2, 40), between(0, 999)],
    ([attempt, random]) =>
      Effect.sync(() => {
        const plain = Math.min(5000, 100 * 2 ** (attempt - 2))
        const wait = RetryPolicy.delayBeforeMs(attempt, RetryPolicy.defaults, random / 1000)
        assert.isAtLeast(wait, plain)
        assert.isAtMost(wait, plain * 1.1)
      })
  )

  it.effect("Effect.retry waits the same with the schedule", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      const call = Effect.clockWith((clock) =>
        Effect.suspend(() => {
          seen.push(clock.currentTimeMillisUnsafe())
          return Effect.fail("down")
        })
      )
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.retry(call, RetryPolicy.schedule({ jitter: 0 }))))
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(seen, [0, 100, 300, 700, 1500])
    })
  )

  it("Retry-After lengthens a wait up to the cap and never shortens it", () => {
    const policy = RetryPolicy.make({ retryAfterCap: "2 seconds" })
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, undefined, policy), 100)
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, Duration.millis(50), policy), 100)
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, Duration.seconds(1), policy), 1000)
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, Duration.minutes(1), policy), 2000)
  })

  it("a Retry-After beyond the cap ends the retries where the policy says so, and one of exactly the cap does not", () => {
    const policy = RetryPolicy.make({ retryAfterCap: "2 seconds", beyondRetryAfterCap: "fail" })
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, Duration.millis(2001), policy), undefined)
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, Duration.seconds(2), policy), 2000)
    assert.strictEqual(RetryPolicy.honourRetryAfter(100, undefined, policy), 100)
  })

  it("an invalid setting is rejected by name", () => {
    assert.throws(() => RetryPolicy.make({ attempts: 0 }), /attempts must be a whole number/)
    assert.throws(() => RetryPolicy.make({ jitter: 2 }), /jitter must be between 0 and 1/)
  })
})
