import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Patience from "../../../src/resilience/pipeline/Patience.ts"

describe("Patience", () => {
  it("counts time in which several calls wait once", () => {
    const patience = new Patience.Patience(100)
    patience.spend(0, 30)
    patience.spend(10, 40)
    patience.spend(0, 20)
    assert.strictEqual(patience.leftMs, 60)
    patience.spend(50, 60)
    assert.strictEqual(patience.leftMs, 50)
    patience.spend(60, 1000)
    assert.strictEqual(patience.leftMs, 0)
  })

  const refused = (calls: { made: number }) =>
    Effect.suspend(() => {
      calls.made++
      return Effect.fail("full")
    })

  it.effect("without patience the first rejection is final", () =>
    Effect.gen(function* () {
      const calls = { made: 0 }
      assert.strictEqual(yield* Effect.flip(Patience.retry(refused(calls), () => 10)), "full")
      assert.strictEqual(calls.made, 1)
    })
  )

  it.effect("calls again until the patience is used up, and shares it between the calls of the work", () =>
    Effect.gen(function* () {
      const calls = { made: 0 }
      const work = Effect.andThen(
        Effect.flip(Patience.retry(refused(calls), () => 300)),
        Effect.flip(Patience.retry(refused(calls), () => 300))
      )
      const fiber = yield* Effect.forkChild(Patience.within("1 second")(work))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(fiber), "full")
      // At 0, 300, 600, 900 and 1000 ms, and the second call once.
      assert.strictEqual(calls.made, 6)
    })
  )

  it.effect("an error without a pause is final", () =>
    Effect.gen(function* () {
      const calls = { made: 0 }
      const work = Effect.flip(Patience.retry(refused(calls), () => undefined))
      assert.strictEqual(yield* Patience.within("1 second")(work), "full")
      assert.strictEqual(calls.made, 1)
    })
  )
})
