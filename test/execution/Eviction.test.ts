import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Intent } from "../../src/domain/Execution.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import { hourMs, withWallClock } from "../resilience/WallClock.ts"
import { aPodOf, executed, on, planned } from "./acting.ts"
import { inTime, layer, script, writesOf } from "./faults.ts"

describe("an eviction", () => {
  const budget: KubernetesErrorReason = { _tag: "DisruptionBudget" }
  const evictOne = Effect.gen(function* () {
    const found = yield* aPodOf("catalog")
    return yield* planned({ type: "EvictPod", target: on("Pod", found.metadata.name) }, on("Deployment", "catalog"))
  })

  it.effect("waits for its disruption budget, five seconds at a time", () => {
    const faults = script({ writes: [budget, budget] })
    return Effect.gen(function* () {
      const intent = yield* evictOne
      const running = yield* Effect.forkChild(executed(intent))
      yield* TestClock.adjust("9 seconds")
      assert.strictEqual(writesOf(faults).length, 2)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* Fiber.join(running)).applied, "yes")
      assert.strictEqual(writesOf(faults).length, 3)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("gives up after two minutes and reports not applied", () => {
    const faults = script({ writes: Array.from({ length: 60 }, () => budget) })
    return Effect.gen(function* () {
      const intent = yield* evictOne
      const outcome = yield* inTime(executed(intent))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "disruption-budget"])
      assert.strictEqual(writesOf(faults).length, 25)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("gives up after two minutes even if the wall clock is set back meanwhile", () => {
    const faults = script({ writes: Array.from({ length: 60 }, () => budget) })
    return withWallClock((setWallClock) =>
      Effect.gen(function* () {
        const intent = yield* evictOne
        const running = yield* Effect.forkChild(executed(intent))
        yield* TestClock.adjust("1 minute")
        yield* setWallClock(-hourMs)
        yield* TestClock.adjust("1 minute")
        assert.isDefined(running.pollUnsafe())
        assert.strictEqual((yield* Fiber.join(running)).failure, "disruption-budget")
        assert.strictEqual(writesOf(faults).length, 25)
      })
    ).pipe(Effect.provide(layer(faults)))
  })

  it.effect("whose pod somebody else has removed succeeds, and reports that it applied nothing", () => {
    const faults = script({ writes: [{ _tag: "NotFound" }] })
    return Effect.gen(function* () {
      const outcome = yield* Effect.flatMap(evictOne, executed)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", undefined])
    }).pipe(Effect.provide(layer(faults)))
  })

  const removed = (intent: Intent) =>
    Effect.flatMap(KubernetesClient, (client) => {
      const change = intent.changes[0]!
      return client.apply({ _tag: "Delete", ref: change.ref, uid: change._tag === "Evict" ? change.uid : "" })
    })

  it.effect.each([
    [false, "no"],
    [true, "unknown"]
  ] as const)(
    "of a pod that somebody else has removed, resumed %s, writes nothing and reports applied %s",
    ([resumed, applied]) => {
      const faults = script()
      return Effect.gen(function* () {
        const intent = yield* evictOne
        yield* removed(intent)
        const before = writesOf(faults).length
        const outcome = yield* Effect.flatMap(Executor, (executor) =>
          executor.execute(intent, { holds: Effect.succeed(true), resumed })
        )
        assert.deepStrictEqual([outcome.applied, outcome.failure], [applied, undefined])
        assert.strictEqual(outcome.message?.includes("Kubernaut or somebody else") === true, resumed)
        assert.strictEqual(outcome.message?.includes("Kubernaut wrote nothing") === true, !resumed)
        assert.strictEqual(writesOf(faults).length, before)
      }).pipe(Effect.provide(layer(faults)))
    }
  )

  it.effect("does not evict another pod of the same name", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* evictOne
      const change = intent.changes[0]!
      const renamed: Intent = {
        ...intent,
        changes: change._tag === "Evict" ? [{ ...change, uid: "an-earlier-pod" }] : []
      }
      const outcome = yield* executed(renamed)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", undefined])
      assert.deepStrictEqual(writesOf(faults), [])
    }).pipe(Effect.provide(layer(faults)))
  })
})
