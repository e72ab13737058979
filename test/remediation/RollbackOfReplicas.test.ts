/** Rollbacks of replicas that an autoscaler controls since the action. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { begun, checkout, investigatorOf } from "./remediating.ts"

type Run = Effect.Success<ReturnType<typeof begun>>

const scaled = () => begun(investigatorOf(() => ({ type: "ScaleWorkload", target: checkout, replicas: 5 })))

const executed = (run: Run) =>
  Effect.gen(function* () {
    while (!(yield* run.events).some(({ _tag }) => _tag === "Executed")) yield* TestClock.adjust("1 second")
  })

/** Somebody adds an autoscaler, which leaves the replicas as they are. */
const autoscale = (run: Run, name: string, scales: string) =>
  Effect.orDie(
    run.client.apply({
      _tag: "Create",
      ref: { namespace: "shop", kind: "HorizontalPodAutoscaler", name },
      manifest: {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name },
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: scales },
          minReplicas: 5,
          maxReplicas: 9
        }
      } as never
    })
  )

describe("replicas that an autoscaler controls since the action", () => {
  it.effect("are not put back, and the reason names the autoscaler; neither are they for a person who asks", () =>
    Effect.gen(function* () {
      const run = yield* scaled()
      yield* executed(run)
      yield* autoscale(run, "checkout-load", "checkout")
      const ended = yield* run.outcome
      assert.deepStrictEqual([ended.state, ended.rollback?.outcome], ["Escalated", "stopped"], ended.conclusion)
      assert.deepInclude(ended.rollback?.stopped, { code: "autoscaled", fields: ["spec.replicas"] })
      assert.include(ended.conclusion, "HorizontalPodAutoscaler checkout-load")
      assert.notInclude(ended.conclusion, "kubernaut rollback")
      assert.strictEqual((yield* run.deployment).spec.replicas, 5)
      const refused = yield* Effect.flip(run.rollbackRequests.request(run.id, { by: "ada" }))
      assert.strictEqual(refused._tag === "NotRollbackable" && refused.code, "autoscaled")
    }).pipe(Effect.scoped)
  )

  it.effect("are put back where the autoscaler scales another workload", () =>
    Effect.gen(function* () {
      const run = yield* scaled()
      yield* executed(run)
      yield* autoscale(run, "cart-load", "cart")
      const ended = yield* run.outcome
      assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
      assert.strictEqual((yield* run.deployment).spec.replicas, 4)
    }).pipe(Effect.scoped)
  )
})
