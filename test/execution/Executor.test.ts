import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Intent } from "../../src/domain/Execution.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import * as Patience from "../../src/resilience/pipeline/Patience.ts"
import { checkout, drain, executed, generationOf, inputFor, on, planned, rollback } from "./acting.ts"
import { inTime, layer, script, touch, writesOf } from "./faults.ts"

const imageOf = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.get(checkout), (object) => (object as Deployment).spec.template.spec.containers[0]?.image)
)
const bad = "registry.shop.example/checkout:v2.4.0"
const good = "registry.shop.example/checkout:v2.3.1"

describe("Executor.execute", () => {
  it.effect("writes the planned change with its annotations", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      assert.strictEqual(yield* imageOf, bad)
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure, outcome.executionId], ["yes", undefined, "r1-1"])
      assert.strictEqual(yield* imageOf, good)
      const object = yield* Effect.flatMap(KubernetesClient, (client) => client.get(checkout))
      assert.strictEqual(object.metadata.annotations?.["kubernaut.dev/execution"], "r1-1")
      assert.strictEqual(object.metadata.annotations?.["kubernaut.dev/remediation"], "r1")
      assert.deepStrictEqual(writesOf(faults), ["patch checkout"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("writes once, however often it is called", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      yield* executed(intent)
      const generation = yield* generationOf
      const again = yield* executed(intent)
      assert.deepStrictEqual([again.applied, again.failure], ["yes", undefined])
      assert.strictEqual(yield* generationOf, generation)
      assert.deepStrictEqual(writesOf(faults), ["patch checkout"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("reads back a write whose response was lost and does not repeat it", () => {
    const faults = script({ writes: ["response lost"] })
    return Effect.gen(function* () {
      const outcome = yield* inTime(Effect.flatMap(planned(rollback), executed))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      assert.deepStrictEqual(writesOf(faults), ["patch checkout"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("repeats a write that did not arrive", () => {
    const faults = script({ writes: ["request lost", "request lost"] })
    return Effect.gen(function* () {
      const outcome = yield* inTime(Effect.flatMap(planned(rollback), executed))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      assert.deepStrictEqual(writesOf(faults), ["patch checkout", "patch checkout", "patch checkout"])
      assert.strictEqual(yield* imageOf, good)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("reports unknown for a write without a response, which may still arrive", () => {
    const faults = script({ writes: ["request lost", "request lost", "request lost", "request lost", "request lost"] })
    return Effect.gen(function* () {
      const outcome = yield* inTime(Effect.flatMap(planned(rollback), executed))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["unknown", "timeout"])
      assert.strictEqual(writesOf(faults).length, 5)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("reports not applied once the object has changed, because the write can no longer arrive", () => {
    const faults = script({ writes: ["request lost"] })
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      const running = yield* Effect.forkChild(executed(intent))
      yield* TestClock.adjust("500 millis")
      yield* touch("Deployment", "checkout")
      yield* TestClock.adjust("1 second")
      const outcome = yield* Fiber.join(running)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "conflict"])
      assert.strictEqual(yield* imageOf, bad)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("reports unknown for a write without a response once its object is gone", () => {
    const faults = script({ writes: ["response lost"] })
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      const running = yield* Effect.forkChild(executed(intent))
      yield* TestClock.adjust("500 millis")
      const client = yield* KubernetesClient
      yield* client.apply({ _tag: "Delete", ref: intent.baseline.ref, uid: intent.baseline.uid ?? "" })
      yield* TestClock.adjust("1 second")
      const outcome = yield* Fiber.join(running)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["unknown", "conflict"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect.each([
    ["a conflict, and no read shows why", "conflict", [{ _tag: "Conflict" }]],
    ["NotFound", "not-found", [{ _tag: "NotFound" }]],
    ["a policy", "admission-denied", [{ _tag: "PolicyDenied" }]]
  ] as const)(
    "reports unknown on resuming if its own write is refused by %s, because an earlier run may have written",
    ([, failure, writes]) => {
      const outcomeOf = (resumed: boolean) =>
        Effect.gen(function* () {
          const { execute } = yield* Executor
          const running = yield* Effect.forkChild(
            execute(yield* planned(rollback), { holds: Effect.succeed(true), resumed })
          )
          // After a conflict the object is read until the read is as new as the conflict.
          yield* TestClock.adjust("1 minute")
          const outcome = yield* Fiber.join(running)
          return [outcome.applied, outcome.failure]
        }).pipe(Effect.provide(layer(script({ writes: [...writes] }))))
      return Effect.gen(function* () {
        assert.deepStrictEqual(yield* outcomeOf(true), ["unknown", failure])
        assert.deepStrictEqual(yield* outcomeOf(false), ["no", failure])
      })
    }
  )

  it.effect("does not overwrite an object that somebody else has changed since the plan", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      yield* touch("Deployment", "checkout")
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "conflict"])
      assert.strictEqual(yield* imageOf, bad)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("treats a conflict with its own earlier attempt as success", () => {
    const faults = script({ writes: ["repeated beneath"] })
    return Effect.gen(function* () {
      const outcome = yield* inTime(Effect.flatMap(planned(rollback), executed))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      assert.strictEqual(yield* imageOf, good)
    }).pipe(Effect.provide(layer(faults)))
  })

  const refusals: ReadonlyArray<readonly [string, KubernetesErrorReason]> = [
    ["forbidden", { _tag: "Forbidden" }],
    ["unauthorized", { _tag: "Unauthorized" }],
    ["policy-denied", { _tag: "PolicyDenied", policy: "p", by: "admission-policy" }],
    ["quota-exceeded", { _tag: "QuotaExceeded", quota: "q" }],
    ["limit-range", { _tag: "QuotaExceeded" }],
    ["invalid", { _tag: "Invalid", fields: [] }],
    ["field-owned", { _tag: "FieldManagerConflict", managers: [] }],
    ["storage-full", { _tag: "StorageFull" }],
    ["unavailable", { _tag: "Unavailable" }]
  ]
  it.effect.each(refusals)("stops at a refusal with the code %s", ([code, reason]) => {
    const faults = script({ writes: [reason] })
    return Effect.gen(function* () {
      const outcome = yield* Effect.flatMap(planned(rollback), executed)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", code])
      assert.isDefined(outcome.message)
      assert.deepStrictEqual(writesOf(faults), ["patch checkout"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect.each([
    ["a short 503", { _tag: "Unavailable", status: 503 }],
    ["an overloaded server", { _tag: "TooManyRequests", retryAfterMs: 1000 }],
    ["an unreachable webhook", { _tag: "Unavailable", status: 500, because: "webhook", webhook: "w" }],
    ["an open breaker", { _tag: "NotNow", limit: "circuit-breaker" }]
  ] as ReadonlyArray<readonly [string, KubernetesErrorReason]>)(
    "waits for %s as long as there is patience, and sends the write again after a read-back",
    ([, reason]) => {
      const faults = script({ writes: [reason, reason, reason, reason, reason, reason] })
      return Effect.gen(function* () {
        const outcome = yield* inTime(
          Patience.within("5 minutes")(Effect.flatMap(planned(rollback), (intent) => executed(intent)))
        )
        assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
        assert.strictEqual(writesOf(faults).length, 7)
        const last = faults.requests.lastIndexOf("patch checkout")
        assert.deepStrictEqual(faults.requests.slice(last - 2, last), ["patch checkout", "get checkout"])
      }).pipe(Effect.provide(layer(faults)))
    }
  )

  it.effect("gives up on a server that stays away for longer than the patience, with the category on record", () => {
    const faults = script({ writes: Array.from({ length: 100 }, () => ({ _tag: "Unavailable", status: 503 })) })
    return Effect.gen(function* () {
      const outcome = yield* inTime(
        Patience.within("1 minute")(Effect.flatMap(planned(rollback), (intent) => executed(intent)))
      )
      assert.deepStrictEqual([outcome.applied, outcome.failure, outcome.category], ["no", "unavailable", "api"])
      assert.isBelow(writesOf(faults).length, 20)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("records what would allow a refused write", () => {
    const missing = { user: "sa", verb: "patch", resource: "deployments", group: "apps", namespace: "shop" }
    const faults = script({ writes: [{ _tag: "Forbidden", missing }] })
    return Effect.gen(function* () {
      const outcome = yield* Effect.flatMap(planned(rollback), executed)
      assert.deepStrictEqual([outcome.failure, outcome.category], ["forbidden", "policy"])
      assert.include(outcome.remedy, `{apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]}`)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("writes nothing once the fence is lost", () => {
    const faults = script()
    return Effect.gen(function* () {
      const executor = yield* Executor
      const outcome = yield* executor.execute(yield* executor.plan(inputFor(rollback)), {
        holds: Effect.succeed(false)
      })
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "fenced"])
      assert.deepStrictEqual(writesOf(faults), [])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("checks the fence before each write", () => {
    const faults = script()
    return Effect.gen(function* () {
      const executor = yield* Executor
      let checks = 0
      const outcome = yield* executor.execute((yield* executor.draft(inputFor(drain))).intent, {
        holds: Effect.sync(() => ++checks <= 2)
      })
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", "fenced"])
      assert.strictEqual(writesOf(faults).length, 2)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("fails with the fence's own error", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const intent = yield* executor.plan(inputFor(rollback))
      const failure = yield* Effect.flip(executor.execute(intent, { holds: Effect.fail("storage is down") }))
      assert.strictEqual(failure, "storage is down")
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect(
    "reports not applied if it can't read before the first write, and unknown if an earlier run may have written",
    () => {
      const faults = script()
      return Effect.gen(function* () {
        const executor = yield* Executor
        const intent = yield* planned(rollback)
        for (const [resumed, applied] of [
          [false, "no"],
          [true, "unknown"]
        ] as const) {
          faults.gets = [{ _tag: "Unavailable" }]
          const outcome = yield* executor.execute(intent, { holds: Effect.succeed(true), resumed })
          assert.deepStrictEqual([outcome.applied, outcome.failure], [applied, "unavailable"])
        }
        assert.deepStrictEqual(writesOf(faults), [])
      }).pipe(Effect.provide(layer(faults)))
    }
  )

  it.effect("waits for an API server that is away for a moment, as long as there is patience", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      faults.gets = [{ _tag: "Unavailable" }, { _tag: "Timeout" }, { _tag: "Unavailable" }]
      const outcome = yield* inTime(Patience.within("1 minute")(executed(intent)))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      assert.deepStrictEqual(writesOf(faults), ["patch checkout"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("does not carry out an intent that is ten minutes old, but finds writes that it made earlier", () => {
    const faults = script()
    return Effect.gen(function* () {
      // The catalog is healthy, so only time passes.
      const intent = yield* planned({ type: "RestartWorkload", target: on("Deployment", "catalog") })
      yield* TestClock.adjust("10 minutes")
      const late = yield* executed(intent)
      assert.deepStrictEqual([late.applied, late.failure], ["no", "stale"])
      assert.deepStrictEqual(writesOf(faults), [])

      const next = yield* planned({ type: "RestartWorkload", target: on("Deployment", "catalog") })
      yield* executed(next)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* executed(next)).applied, "yes")
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("writes nothing if the mode forbids it, but finds writes that it made earlier", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned({ type: "RestartWorkload", target: on("Deployment", "catalog") })
      const { execute } = yield* Executor
      const readOnly = { holds: Effect.succeed(true), resumed: true, mayWrite: false }
      // A write that it made earlier may still be in flight.
      const outcome = yield* execute(intent, readOnly)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["unknown", "mode"])
      assert.deepStrictEqual(writesOf(faults), [])
      yield* executed(intent)
      assert.strictEqual((yield* execute(intent, readOnly)).applied, "yes")
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("writes nothing if the cluster is already in the requested state", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned({ type: "ScaleWorkload", target: checkout, replicas: 4 })
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", undefined])
      assert.deepStrictEqual(writesOf(faults), [])
    }).pipe(Effect.provide(layer(faults)))
  })
})

describe("Executor.execute after a crash", () => {
  it.effect("between two writes makes the missing ones", () => {
    const faults = script()
    return Effect.gen(function* () {
      const client = yield* KubernetesClient
      const intent = yield* planned(drain, drain.target, true)
      yield* client.apply(intent.changes[0]!)
      yield* client.apply(intent.changes[1]!)
      const before = writesOf(faults).length
      const outcome = yield* inTime(executed(intent))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      // A disruption budget may delay an eviction, which is then repeated.
      assert.deepStrictEqual(
        [...new Set(writesOf(faults).slice(before))],
        intent.changes.slice(2).map((change) => `evict ${change.ref.name}`)
      )
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("before the first write makes the write", () =>
    Effect.gen(function* () {
      const intent = yield* planned(rollback)
      assert.strictEqual((yield* executed(intent)).applied, "yes")
    }).pipe(Effect.provide(layer(script())))
  )

  const gone = (intent: Intent) =>
    Effect.flatMap(KubernetesClient, (client) =>
      client.apply({ _tag: "Delete", ref: intent.baseline.ref, uid: intent.baseline.uid ?? "" })
    )
  it.effect.each([
    [true, "unknown"],
    [false, "no"]
  ] as const)("with the object gone and resumed %s reports applied %s", ([resumed, applied]) =>
    Effect.gen(function* () {
      const intent = yield* planned(rollback)
      yield* gone(intent)
      yield* TestClock.adjust("1 second")
      const outcome = yield* Effect.flatMap(Executor, (executor) =>
        executor.execute(intent, { holds: Effect.succeed(true), resumed })
      )
      assert.deepStrictEqual([outcome.applied, outcome.failure], [applied, "conflict"])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("reports not applied if the object is unchanged, or was changed by somebody else", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const intent = yield* planned(rollback)
      const fenceLost = yield* executor.execute(intent, { holds: Effect.succeed(false), resumed: true })
      assert.deepStrictEqual([fenceLost.applied, fenceLost.failure], ["no", "fenced"])
      yield* touch("Deployment", "checkout")
      const superseded = yield* executor.execute(intent, { holds: Effect.succeed(true), resumed: true })
      assert.deepStrictEqual([superseded.applied, superseded.failure], ["no", "conflict"])
    }).pipe(Effect.provide(layer(script())))
  )
})
