import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { begun, investigatorOf, rollback } from "./remediating.ts"

describe("an approval", () => {
  it.effect("that comes while the question is being published is used, and not taken for the question", () =>
    Effect.gen(function* () {
      const run = yield* begun(
        investigatorOf(() => rollback),
        { mode: "approve" }
      )
      const answer = run.reviews.answer(run.id, { answer: "approved", by: "ada" })
      const answering = yield* Effect.forkChild(Effect.result(Effect.andThen(run.settled, answer)))
      while (answering.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
      const answered = yield* Fiber.join(answering)
      assert.strictEqual(answered._tag, "Success", String(answered))
      assert.strictEqual((yield* run.outcome).executions.length, 1)
    }).pipe(Effect.scoped)
  )
})
