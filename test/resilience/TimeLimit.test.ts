import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as TimeLimit from "../../src/resilience/TimeLimit.ts"
import { withStandstill } from "./StoodStill.ts"

describe("a time limit", () => {
  const limited = Effect.never.pipe(
    TimeLimit.within("5 seconds", (stoodStill) => Effect.succeed(stoodStill ? "we stood still" : "the peer is slow"))
  )

  it.effect("that ends in time says that the peer is slow", () =>
    withStandstill(() =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(limited, { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* Fiber.join(fiber), "the peer is slow")
      })
    )
  )

  it.effect("that ends late says that this process stood still, and a few milliseconds are not late", () =>
    withStandstill((standStill) =>
      Effect.gen(function* () {
        for (const [forMs, said] of [
          [100, "the peer is slow"],
          [101, "we stood still"]
        ] as const) {
          const fiber = yield* Effect.forkChild(limited, { startImmediately: true })
          yield* standStill(forMs)
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual(yield* Fiber.join(fiber), said)
        }
      })
    )
  )
})
