/** An action that has improved its target without ending the alert is not undone unasked. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { begun, investigatorOf, rollback } from "./remediating.ts"

describe("a target that is better than before, although its alert still fires", () => {
  it.effect("keeps the action; the reason says why, and names the command", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => rollback))
      const broken = yield* run.image
      // Alertmanager posts the alert again and again, because it has another cause too.
      for (let post = 0; post < 180; post++) {
        yield* TestClock.adjust("5 seconds")
        yield* run.fire
      }
      const after = yield* run.outcome
      assert.strictEqual(after.verification?.verdict, "not-fixed")
      assert.notStrictEqual(yield* run.image, broken, after.conclusion)
      assert.strictEqual(after.state, "Escalated", after.conclusion)
      assert.include(after.conclusion, "alert-firing")
      assert.include(after.conclusion, "4 of 4 ready")
      assert.include(after.conclusion, `kubernaut rollback ${run.id}`)
    }).pipe(Effect.scoped)
  )
})
