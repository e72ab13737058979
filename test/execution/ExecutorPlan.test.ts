import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Executor } from "../../src/execution/Executor.ts"
import type { KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import { aPodOf, checkout, drain, generationOf, inputFor, on, planned, rollback } from "./acting.ts"
import { layer, script, writesOf } from "./faults.ts"

describe("Executor.plan", () => {
  const faults = script()
  it.effect("runs every write as a dry run and changes nothing", () =>
    Effect.gen(function* () {
      const before = yield* generationOf
      const intent = yield* planned(drain, drain.target, true)
      assert.deepStrictEqual(writesOf(faults), [])
      assert.deepStrictEqual(
        faults.requests.filter((request) => request.startsWith("dry ")),
        intent.changes.map((change) => `dry ${change._tag.toLowerCase()} ${change.ref.name}`)
      )
      assert.isAbove(intent.changes.length, 1)
      assert.strictEqual(yield* generationOf, before)
    }).pipe(Effect.provide(layer(faults)))
  )

  it.effect("takes the baseline from the root owner, not from the object that the action changes", () =>
    Effect.gen(function* () {
      const pod = yield* aPodOf("checkout")
      const intent = yield* planned({ type: "EvictPod", target: on("Pod", pod.metadata.name) }, checkout)
      assert.deepStrictEqual(intent.baseline.ref, checkout)
      assert.strictEqual(intent.baseline.desiredReplicas, 4)
      assert.strictEqual(intent.baseline.endpoints, 3)
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("fails before any write if admission denies the dry run", () => {
    const denied = script({ dryRuns: [{ _tag: "PolicyDenied", policy: "freeze" }] })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(planned(rollback))
      assert.strictEqual(error._tag === "KubernetesError" ? error.reason._tag : error._tag, "PolicyDenied")
      assert.deepStrictEqual(writesOf(denied), [])
    }).pipe(Effect.provide(layer(denied)))
  })

  it.effect("plans again after a conflict, five times at most", () =>
    Effect.gen(function* () {
      const conflict: KubernetesErrorReason = { _tag: "Conflict" }
      const four = script({ dryRuns: [conflict, conflict, conflict, conflict] })
      const intent = yield* planned(rollback).pipe(Effect.provide(layer(four)))
      assert.strictEqual(intent.changes.length, 1)
      const five = script({ dryRuns: [conflict, conflict, conflict, conflict, conflict] })
      const error = yield* Effect.flip(planned(rollback).pipe(Effect.provide(layer(five))))
      assert.strictEqual(error._tag === "KubernetesError" ? error.reason._tag : error._tag, "Conflict")
    })
  )

  it.effect("uses the baseline that the caller has just read, and reads the target again after a conflict", () => {
    const seen = script()
    const conflicting = script({ dryRuns: [{ _tag: "Conflict" }] })
    const services = ({ requests }: typeof seen) => requests.filter((request) => request === "list Service").length
    const onBaseline = Effect.gen(function* () {
      const executor = yield* Executor
      const { baseline } = yield* executor.plan(inputFor(rollback))
      const given = { ...baseline, observedAt: "2000-01-01T00:00:00.000Z" }
      return yield* executor.plan({ ...inputFor(rollback), baseline: given })
    })
    return Effect.gen(function* () {
      const intent = yield* onBaseline.pipe(Effect.provide(layer(seen)))
      assert.strictEqual(intent.baseline.observedAt, "2000-01-01T00:00:00.000Z")
      assert.strictEqual(services(seen), 1)
      // The first plan runs two: the rollback, and a pod of the restored template.
      conflicting.dryRuns.unshift("passes", "passes")
      const again = yield* onBaseline.pipe(Effect.provide(layer(conflicting)))
      assert.notStrictEqual(again.baseline.observedAt, "2000-01-01T00:00:00.000Z")
    })
  })

  it.effect("accepts a disruption budget that does not allow the eviction yet", () =>
    Effect.gen(function* () {
      const pod = yield* aPodOf("catalog")
      const intent = yield* planned(
        { type: "EvictPod", target: on("Pod", pod.metadata.name) },
        on("Deployment", "catalog")
      )
      assert.strictEqual(intent.changes.length, 1)
    }).pipe(Effect.provide(layer(script({ dryRuns: [{ _tag: "DisruptionBudget" }] }))))
  )

  it.effect("fails with the rule of a refused plan", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        planned({ type: "ScaleWorkload", target: on("Deployment", "search"), replicas: 9 })
      )
      assert.deepStrictEqual(error._tag === "PlanRefused" ? [error.rule, error.approvable] : error._tag, [
        "autoscaler-owned",
        false
      ])
    }).pipe(Effect.provide(layer(script())))
  )
})
