import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Pipeline from "../../src/resilience/Pipeline.ts"

const transient = (): Pipeline.Classification => ({ retry: true, breaker: "failure" })

describe("Pipeline", () => {
  it.effect("a failing peer sees five attempts, after 0, 100, 300, 700 and 1500 ms and at most a tenth more", () =>
    Effect.gen(function*() {
      const pipeline = yield* Pipeline.make("peer")
      const seen: Array<number> = []
      const call = Effect.clockWith((clock) =>
        Effect.suspend(() => {
          seen.push(clock.currentTimeMillisUnsafe())
          return Effect.fail("down" as const)
        })
      )
      const fiber = yield* Effect.forkChild(Effect.flip(pipeline.execute(call, transient)))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "down")
      assert.strictEqual(seen.length, 5)
      for (const [index, plain] of [0, 100, 300, 700, 1500].entries()) {
        assert.isAtLeast(seen[index]!, plain)
        assert.isAtMost(seen[index]!, plain * 1.1 + 1)
      }
    }))
})
