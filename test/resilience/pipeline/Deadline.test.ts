import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Deadline from "../../../src/resilience/pipeline/Deadline.ts"

describe("Deadline", () => {
  it.effect("running work is interrupted at its deadline", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.flip(Deadline.within("1 second")(Effect.never)))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "DeadlineExceeded", deadlineMs: 1000 })
    })
  )

  it.effect("nested work sees the earlier of the two deadlines", () =>
    Effect.gen(function* () {
      const left = yield* Deadline.remaining.pipe(Deadline.within("1 hour"), Deadline.within("1 second"))
      assert.deepStrictEqual(left, Duration.seconds(1))
      const shorter = yield* Deadline.remaining.pipe(Deadline.within("1 second"), Deadline.within("1 hour"))
      assert.deepStrictEqual(shorter, Duration.seconds(1))
      assert.isUndefined(yield* Deadline.remaining)
    })
  )

  it.effect("no work starts after its deadline", () =>
    Effect.gen(function* () {
      let started = false
      const work = Deadline.within("1 minute")(
        Effect.sync(() => {
          started = true
        })
      )
      yield* TestClock.adjust("1 minute")
      const error = yield* Effect.flip(Effect.provideService(work, Deadline.CurrentDeadline, 60_000))
      assert.strictEqual(error._tag, "DeadlineExceeded")
      assert.isFalse(started)
    })
  )
})
