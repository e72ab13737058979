import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesErrorReason } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import { aPodOf, executed, inputFor, on, planned } from "./acting.ts"
import { inTime, layer, script, touch, writesOf } from "./faults.ts"

const checkout = on("Deployment", "checkout")
const rollback: Action = { type: "RollbackDeployment", target: checkout }
const drain: Action = { type: "DrainNode", target: on("Node", "node-1", "") }

const imageOf = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.get(checkout), (object) => (object as Deployment).spec.template.spec.containers[0]?.image)
)
const generationOf = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.get(checkout), (object) => object.metadata.generation)
)

const bad = "registry.shop.example/checkout:v2.4.0"
const good = "registry.shop.example/checkout:v2.3.1"

describe("plan", () => {
  const faults = script()
  it.effect("has the server run every write dry and changes nothing", () =>
    Effect.gen(function* () {
      const before = yield* generationOf
      const intent = yield* planned(drain)
      assert.deepStrictEqual(writesOf(faults), [])
      assert.deepStrictEqual(
        faults.requests.filter((request) => request.startsWith("dry ")),
        intent.changes.map((change) => `dry ${change._tag.toLowerCase()} ${change.ref.name}`)
      )
      assert.isAbove(intent.changes.length, 1)
      assert.strictEqual(yield* generationOf, before)
    }).pipe(Effect.provide(layer(faults)))
  )

  it.effect("captures the target as it is before acting, and not only what the action is aimed at", () =>
    Effect.gen(function* () {
      const pod = yield* aPodOf("checkout")
      const intent = yield* planned({ type: "EvictPod", target: on("Pod", pod.metadata.name) }, checkout)
      assert.deepStrictEqual(intent.baseline.ref, checkout)
      assert.strictEqual(intent.baseline.desiredReplicas, 4)
      assert.strictEqual(intent.baseline.endpoints, 3)
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("fails where admission says no, before anything is journaled or written", () => {
    const denied = script({ dryRuns: [{ _tag: "PolicyDenied", policy: "freeze" }] })
    return Effect.gen(function* () {
      const error = yield* Effect.flip(planned(rollback))
      assert.strictEqual(error._tag === "KubernetesError" ? error.reason._tag : error._tag, "PolicyDenied")
      assert.deepStrictEqual(writesOf(denied), [])
    }).pipe(Effect.provide(layer(denied)))
  })

  it.effect("is made anew when it is overtaken, five times at most", () =>
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

  it.effect(
    "takes a baseline that the caller has just read as it is, and reads the target again once it was overtaken",
    () => {
      const seen = script()
      const overtaken = script({ dryRuns: [{ _tag: "Conflict" }] })
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
        overtaken.dryRuns.unshift("passes")
        const anew = yield* onBaseline.pipe(Effect.provide(layer(overtaken)))
        assert.notStrictEqual(anew.baseline.observedAt, "2000-01-01T00:00:00.000Z")
      })
    }
  )

  it.effect("does not take a disruption budget for a refusal: it may allow the eviction when the time comes", () =>
    Effect.gen(function* () {
      const pod = yield* aPodOf("catalog")
      const intent = yield* planned(
        { type: "EvictPod", target: on("Pod", pod.metadata.name) },
        on("Deployment", "catalog")
      )
      assert.strictEqual(intent.changes.length, 1)
    }).pipe(Effect.provide(layer(script({ dryRuns: [{ _tag: "DisruptionBudget" }] }))))
  )

  it.effect("refuses by name what the plan refuses", () =>
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

describe("execute", () => {
  it.effect("writes the planned change, signed, and says so", () => {
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

  it.effect("reads back a write whose answer was lost, and does not repeat it", () => {
    const faults = script({ writes: ["answer lost"] })
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

  it.effect("does not know the outcome of a write that was never answered and may still arrive", () => {
    const faults = script({ writes: ["request lost", "request lost", "request lost", "request lost", "request lost"] })
    return Effect.gen(function* () {
      const outcome = yield* inTime(Effect.flatMap(planned(rollback), executed))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["unknown", "timeout"])
      assert.strictEqual(writesOf(faults).length, 5)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("knows that an unanswered write can't arrive any more once the object has changed", () => {
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

  it.effect("does not know the outcome of an unanswered write once its object is gone", () => {
    const faults = script({ writes: ["answer lost"] })
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
    {
      claim: "meets a change, and then no object",
      writes: [{ _tag: "Conflict" }, { _tag: "NotFound" }],
      failure: "not-found"
    },
    { claim: "is refused by a policy", writes: [{ _tag: "PolicyDenied" }], failure: "policy-denied" }
  ] as const)("does not know what an earlier run did where its own write $claim", ({ failure, writes }) => {
    const outcomeOf = (resumed: boolean) =>
      Effect.gen(function* () {
        const { execute } = yield* Executor
        const outcome = yield* execute(yield* planned(rollback), { holds: Effect.succeed(true), resumed })
        return [outcome.applied, outcome.failure]
      }).pipe(Effect.provide(layer(script({ writes: [...writes] }))))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomeOf(true), ["unknown", failure])
      assert.deepStrictEqual(yield* outcomeOf(false), ["no", failure])
    })
  })

  it.effect("does not write over what somebody else has changed since the plan", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      yield* touch("Deployment", "checkout")
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "conflict"])
      assert.strictEqual(yield* imageOf, bad)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("takes a conflict with its own earlier attempt for the success that it is", () => {
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
    ["policy-denied", { _tag: "PolicyDenied" }],
    ["quota-exceeded", { _tag: "QuotaExceeded" }],
    ["invalid", { _tag: "Invalid", fields: [] }],
    ["field-owned", { _tag: "FieldManagerConflict", managers: [] }],
    ["storage-full", { _tag: "StorageFull" }],
    ["unavailable", { _tag: "Unavailable" }]
  ]
  it.effect.each(refusals)("stops at a refusal and says %s", ([word, reason]) => {
    const faults = script({ writes: [reason] })
    return Effect.gen(function* () {
      const outcome = yield* Effect.flatMap(planned(rollback), executed)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", word])
      assert.isDefined(outcome.message)
      assert.deepStrictEqual(writesOf(faults), ["patch checkout"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("writes nothing once the fence no longer holds", () => {
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

  it.effect("asks the fence before each write, not once", () => {
    const faults = script()
    return Effect.gen(function* () {
      const executor = yield* Executor
      let asked = 0
      const outcome = yield* executor.execute(yield* executor.plan(inputFor(drain)), {
        holds: Effect.sync(() => ++asked <= 2)
      })
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", "fenced"])
      assert.strictEqual(writesOf(faults).length, 2)
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("lets the fence's own failure through", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const intent = yield* executor.plan(inputFor(rollback))
      const failure = yield* Effect.flip(executor.execute(intent, { holds: Effect.fail("storage is down") }))
      assert.strictEqual(failure, "storage is down")
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("does not know what an earlier run did where it can't read", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      faults.gets = [{ _tag: "Unavailable" }]
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["unknown", "unavailable"])
      assert.deepStrictEqual(writesOf(faults), [])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("does not carry out an intent of ten minutes ago, but finds what was written then", () => {
    const faults = script()
    return Effect.gen(function* () {
      // The catalog is healthy, so nothing but time passes.
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

  it.effect("writes nothing where it may not, but finds what was written before", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned({ type: "RestartWorkload", target: on("Deployment", "catalog") })
      const { execute } = yield* Executor
      const unasked = { holds: Effect.succeed(true), resumed: true, mayWrite: false }
      const outcome = yield* execute(intent, unasked)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "mode"])
      assert.deepStrictEqual(writesOf(faults), [])
      yield* executed(intent)
      assert.strictEqual((yield* execute(intent, unasked)).applied, "yes")
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("has nothing to write where the cluster already is as it should be", () => {
    const faults = script()
    return Effect.gen(function* () {
      const intent = yield* planned({ type: "ScaleWorkload", target: checkout, replicas: 4 })
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", undefined])
      assert.deepStrictEqual(writesOf(faults), [])
    }).pipe(Effect.provide(layer(faults)))
  })
})

describe("execute, after a crash", () => {
  it.effect("between two writes goes on with those that are missing", () => {
    const faults = script()
    return Effect.gen(function* () {
      const client = yield* KubernetesClient
      const intent = yield* planned(drain)
      yield* client.apply(intent.changes[0]!)
      yield* client.apply(intent.changes[1]!)
      const before = writesOf(faults).length
      const outcome = yield* inTime(executed(intent))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      // A budget may have an eviction wait and be asked for again.
      assert.deepStrictEqual(
        [...new Set(writesOf(faults).slice(before))],
        intent.changes.slice(2).map((change) => `evict ${change.ref.name}`)
      )
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("before the first write is as if nothing had happened", () =>
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
  ] as const)("of which the object is gone: resumed %s, so what the cluster has of it is %s", ([resumed, applied]) =>
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

  it.effect(
    "knows that nothing was written where the object is there and unchanged, or was changed by somebody else",
    () =>
      Effect.gen(function* () {
        const executor = yield* Executor
        const intent = yield* planned(rollback)
        const fenced = yield* executor.execute(intent, { holds: Effect.succeed(false), resumed: true })
        assert.deepStrictEqual([fenced.applied, fenced.failure], ["no", "fenced"])
        yield* touch("Deployment", "checkout")
        const overtaken = yield* executor.execute(intent, { holds: Effect.succeed(true), resumed: true })
        assert.deepStrictEqual([overtaken.applied, overtaken.failure], ["no", "conflict"])
      }).pipe(Effect.provide(layer(script())))
  )
})
