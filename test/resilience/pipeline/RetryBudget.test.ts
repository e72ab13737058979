import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as RetryBudget from "../../../src/resilience/pipeline/RetryBudget.ts"

const Storm = Schema.Array(
  Schema.Struct({
    requests: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 })),
    retries: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
    waitMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 5000 }))
  })
)

describe("RetryBudget", () => {
  it.effect.prop("in any storm attempts ≤ requests × (1 + ratio) + burst + perSecond × seconds", [Storm], ([storm]) =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make({ ratio: 0.2, burst: 5, perSecond: 1 })
      let requests = 0
      let extra = 0
      let seconds = 0
      for (const wave of storm) {
        yield* TestClock.adjust(wave.waitMs)
        seconds += wave.waitMs / 1000
        requests += wave.requests
        yield* Effect.replicateEffect(budget.deposit, wave.requests)
        for (let retry = 0; retry < wave.retries; retry++) if (yield* budget.withdraw) extra++
        assert.isAtMost(requests + extra, requests * 1.2 + 5 + seconds + 1e-6)
      }
    })
  )

  it.effect("five requests add one extra attempt, four do not", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make({ ratio: 0.2, burst: 1, perSecond: 0 })
      assert.isTrue(yield* budget.withdraw)
      yield* Effect.replicateEffect(budget.deposit, 4)
      assert.isFalse(yield* budget.withdraw)
      yield* budget.deposit
      assert.isTrue(yield* budget.withdraw)
    })
  )

  it.effect("a service without requests regains its retries over time, up to the burst", () =>
    Effect.gen(function* () {
      const budget = yield* RetryBudget.make()
      yield* Effect.replicateEffect(budget.withdraw, 10)
      assert.isFalse(yield* budget.withdraw)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(yield* budget.available, 4)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(yield* budget.available, 10)
    })
  )
})
