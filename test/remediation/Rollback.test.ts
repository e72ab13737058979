import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { begun, checkout, investigatorOf } from "./remediating.ts"

/** A change of the crash-looping Deployment that does not help. */
const scale: Action = { type: "ScaleWorkload", target: checkout, replicas: 5 }

const kindsOf = (events: ReadonlyArray<{ readonly _tag: string }>) => events.map(({ _tag }) => _tag)

describe("an action that did not help", () => {
  it.effect("is undone, and the spec is what it was before", () =>
    Effect.gen(function* () {
      const run = yield* begun(investigatorOf(() => scale))
      const before = (yield* run.deployment).spec
      const ended = yield* run.outcome
      assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
      assert.deepStrictEqual((yield* run.deployment).spec, before)
      assert.deepStrictEqual(kindsOf(yield* run.events).slice(-7), [
        "Executed",
        "Verified",
        "RollbackRequested",
        "RollbackIntended",
        "RollbackExecuted",
        "RollbackVerified",
        "Concluded"
      ])
      assert.strictEqual(ended.rollback?.trigger, "failed-health-check")
      assert.strictEqual(ended.rollback?.outcome, "restored")
      const [attempt] = ended.rollback?.attempts ?? []
      assert.strictEqual(attempt?.intent.before.desiredReplicas, 5)
      assert.strictEqual(attempt?.verification?.observed?.desiredReplicas, 4)
    })
  )
})
