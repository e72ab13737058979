/** An objection to the start of an action, such as the emergency stop, that comes up at any moment of it. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Intent } from "../../src/domain/Execution.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { emergencyStopped, type Failure } from "../../src/execution/FailureClassifier.ts"
import { aPodOf, drain, on, planned, rollback } from "./acting.ts"
import { inTime, layer, script, writesOf } from "./faults.ts"

const budget = { _tag: "DisruptionBudget" } as const
const stopped = emergencyStopped("Ada has stopped everything.")

/** Executes while a stop may be set. */
const execute = (intent: Intent, stop: () => boolean, resumed = false) =>
  Effect.flatMap(Executor, (executor) =>
    executor.execute(intent, {
      holds: Effect.succeed(true),
      mayNotStart: Effect.sync((): Failure | undefined => (stop() ? stopped : undefined)),
      resumed
    })
  )

describe("an action that may not start", () => {
  it.effect("is not written after a wait that begins before the objection", () => {
    const faults = script({ writes: [{ _tag: "NotNow", limit: "bulkhead" }] })
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      let isSet = false
      const running = yield* Effect.forkChild(execute(intent, () => isSet))
      yield* TestClock.adjust("500 millis")
      isSet = true
      const outcome = yield* inTime(Fiber.join(running))
      assert.deepInclude(outcome, { applied: "no", failure: "emergency-stop", category: "policy" })
      assert.strictEqual(writesOf(faults).length, 1)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("has not started while a disruption budget has refused its only eviction", () => {
    const faults = script({ writes: [budget, budget] })
    return Effect.gen(function* () {
      const { metadata } = yield* aPodOf("catalog")
      const intent = yield* planned({ type: "EvictPod", target: on("Pod", metadata.name) }, on("Deployment", "catalog"))
      let isSet = false
      const running = yield* Effect.forkChild(execute(intent, () => isSet))
      yield* TestClock.adjust("6 seconds")
      isSet = true
      const outcome = yield* inTime(Fiber.join(running))
      assert.deepInclude(outcome, { applied: "no", failure: "emergency-stop" })
      assert.strictEqual(writesOf(faults).length, 2)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("may have been written by an earlier run, whose write is not in the cluster yet", () =>
    Effect.gen(function* () {
      const outcome = yield* inTime(execute(yield* planned(rollback), () => true, true))
      assert.deepInclude(outcome, { applied: "unknown", failure: "emergency-stop" })
    }).pipe(Effect.provide(layer(script())))
  )
})

describe("an action that has started", () => {
  it.effect("is carried out in full: a node is not left cordoned with half of its pods", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(drain, on("Node", "node-1", ""), true)
      assert.isAbove(intent.changes.length, 2)
      let asked = 0
      const outcome = yield* inTime(execute(intent, () => ++asked > 1))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      assert.isAtLeast(writesOf(faults).length, intent.changes.length)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("by a run before a crash is carried out in full", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(drain, on("Node", "node-1", ""), true)
      const [cordon] = intent.changes
      yield* inTime(execute({ ...intent, changes: [cordon!] }, () => false))
      const outcome = yield* inTime(execute(intent, () => true, true))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
    }).pipe(Effect.provide(layer(faults)))
  })
})
