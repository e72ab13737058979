/** Acts, undoes and reads back on the sandbox, for every action that has an inverse. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { RollbackIntent } from "../../src/domain/Rollback.ts"
import { Executor } from "../../src/execution/Executor.ts"
import * as RollbackExecutor from "../../src/execution/RollbackExecutor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { aPodOf, drain, exact, inputFor, on } from "./acting.ts"
import { type Script, inTime, layer, script, touch, writesOf } from "./faults.ts"

const services = (faults: Script) => RollbackExecutor.layer().pipe(Layer.provideMerge(layer(faults)))

type Services = Layer.Success<ReturnType<typeof services>>

const holds = Effect.succeed(true)

const acted = Effect.fnUntraced(function* (action: Action, executionId = "r1-1") {
  const executor = yield* Executor
  const { intent } = yield* executor.draft({ ...inputFor(action), executionId })
  const outcome = yield* executor.execute(intent, { holds, approved: true })
  assert.strictEqual(outcome.applied, "yes", outcome.message)
  return { intent, outcome }
})

type Acted = Effect.Success<ReturnType<typeof acted>>

const planned = Effect.fnUntraced(function* (
  { intent, outcome }: Acted,
  { attempt = 1, trigger = "failed-health-check" as "failed-health-check" | "operator" } = {}
) {
  const executor = yield* RollbackExecutor.RollbackExecutor
  const target = { cluster: "test", ...intent.action.target }
  return yield* executor.plan({ intent, outcome, target, trigger, attempt, remediationId: "r1", epoch: 1 })
})

const intended = (given: Acted, options?: Parameters<typeof planned>[1]) =>
  Effect.map(planned(given, options), (planned): RollbackIntent => {
    if ("_tag" in planned) throw new Error(`${planned.code}: ${planned.message}`)
    return planned
  })

const undone = Effect.fnUntraced(function* (given: Acted, intent: RollbackIntent, resumed = false) {
  const executor = yield* RollbackExecutor.RollbackExecutor
  const outcome = yield* executor.execute(intent, { holds, resumed, mayWrite: true })
  const target = { cluster: "test", ...given.intent.action.target }
  return { outcome, verification: yield* inTime(executor.verify(intent, given.intent, target)) }
})

const read = (action: Action) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(client.get(action.target), (object) =>
      structuredClone({ spec: object["spec"], labels: object.metadata.labels })
    )
  )

const reversible: ReadonlyArray<Action> = [...exact, drain]

describe("apply, then roll back", () => {
  it.effect.each(reversible)("$type of $target.name leaves the spec that was there before", (action) =>
    Effect.gen(function* () {
      const before = yield* read(action)
      const done = yield* inTime(acted(action))
      assert.notDeepEqual(yield* read(action), before)
      const intent = yield* intended(done)
      const { outcome, verification } = yield* undone(done, intent)
      assert.strictEqual(outcome.applied, "yes", outcome.message)
      assert.strictEqual(verification.restored, "yes", verification.reasons.join())
      assert.deepStrictEqual(yield* read(action), before)
    }).pipe(Effect.provide(services(script())))
  )

  it.effect("UncordonNode of node-1 leaves it cordoned again", () =>
    Effect.gen(function* () {
      yield* acted({ type: "CordonNode", target: on("Node", "node-1", "") })
      const uncordon: Action = { type: "UncordonNode", target: on("Node", "node-1", "") }
      const before = yield* read(uncordon)
      const done = yield* acted(uncordon, "r1-2")
      const { verification } = yield* undone(done, yield* intended(done))
      assert.strictEqual(verification.restored, "yes", verification.reasons.join())
      assert.deepStrictEqual(yield* read(uncordon), before)
    }).pipe(Effect.provide(services(script())))
  )

  it.effect("QuarantinePod gives the pod its labels back, and says what remains", () =>
    Effect.gen(function* () {
      const pod = yield* aPodOf("catalog")
      const action: Action = { type: "QuarantinePod", target: on("Pod", pod.metadata.name) }
      const before = yield* read(action)
      const done = yield* acted(action)
      assert.notDeepEqual(yield* read(action), before)
      const intent = yield* intended(done)
      assert.include(intent.remains, "one pod too many")
      const executor = yield* RollbackExecutor.RollbackExecutor
      const outcome = yield* executor.execute(intent, { holds, resumed: false, mayWrite: true })
      assert.strictEqual(outcome.applied, "yes")
      assert.deepStrictEqual((yield* read(action)).labels, before.labels)
    }).pipe(Effect.provide(services(script())))
  )

  it.effect("a drain says that evicted pods are not moved back", () =>
    Effect.gen(function* () {
      const done = yield* inTime(acted(drain))
      assert.include((yield* intended(done)).remains, "not moved back")
    }).pipe(Effect.provide(services(script())))
  )
})

const scale: Action = { type: "ScaleWorkload", target: on("Deployment", "catalog"), replicas: 4 }

const writeReplicas = (count: number): Change => ({
  _tag: "Patch",
  ref: scale.target,
  patch: [{ op: "replace", path: "/spec/replicas", value: count }]
})

describe("a rollback", () => {
  const begun = (faults: Script = script()) => ({
    faults,
    run: <A, E>(use: (done: Acted) => Effect.Effect<A, E, Services>) =>
      Effect.flatMap(acted(scale), use).pipe(Effect.provide(services(faults)))
  })

  it.effect("that is run again after a crash finds its write and sends no other", () => {
    const { faults, run } = begun()
    return run((done) =>
      Effect.gen(function* () {
        const intent = yield* intended(done)
        yield* undone(done, intent)
        const again = yield* undone(done, intent, true)
        assert.strictEqual(again.outcome.applied, "yes")
        assert.strictEqual(again.verification.restored, "yes")
        assert.strictEqual(writesOf(faults).length, 2)
      })
    )
  })

  it.effect("whose response is lost is read back and sent once", () => {
    const { faults, run } = begun(script({ writes: ["passes", "response lost"] }))
    return run((done) =>
      Effect.gen(function* () {
        const intent = yield* intended(done)
        const { verification } = yield* inTime(undone(done, intent))
        assert.strictEqual(verification.restored, "yes")
        assert.strictEqual(writesOf(faults).length, 2)
      })
    )
  })

  it.effect("overwrites no change that somebody makes between its plan and its write", () => {
    const { run } = begun()
    return run((done) =>
      Effect.gen(function* () {
        const client = yield* KubernetesClient
        const intent = yield* intended(done)
        yield* client.apply(writeReplicas(9))
        const executor = yield* RollbackExecutor.RollbackExecutor
        const outcome = yield* executor.execute(intent, { holds, resumed: false, mayWrite: true })
        assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "conflict"])
        assert.strictEqual(((yield* client.get(scale.target))["spec"] as { replicas: number }).replicas, 9)
        const again = yield* planned(done, { attempt: 2 })
        assert.strictEqual("_tag" in again && again.code, "changed-by-another")
      })
    )
  })

  it.effect("is planned again on the present version where only the version has changed", () => {
    const { run } = begun()
    return run((done) =>
      Effect.gen(function* () {
        yield* intended(done)
        yield* touch("Deployment", "catalog")
        const { verification } = yield* undone(done, yield* intended(done, { attempt: 2 }))
        assert.strictEqual(verification.restored, "yes")
      })
    )
  })

  it.effect("writes nothing once the fence is lost, or the mode does not allow it", () => {
    const { faults, run } = begun()
    return run((done) =>
      Effect.gen(function* () {
        const intent = yield* intended(done)
        const executor = yield* RollbackExecutor.RollbackExecutor
        const fenced = yield* executor.execute(intent, { holds: Effect.succeed(false), resumed: false, mayWrite: true })
        const observing = yield* executor.execute(intent, { holds, resumed: false, mayWrite: false })
        assert.deepStrictEqual([fenced.failure, observing.failure], ["fenced", "mode"])
        assert.strictEqual(writesOf(faults).length, 1)
      })
    )
  })

  it.effect("that the API server refuses in the dry run is not journaled as an intent", () => {
    const { run } = begun(script({ dryRuns: ["passes", { _tag: "PolicyDenied" }] }))
    return run((done) =>
      Effect.map(planned(done), (result) => assert.strictEqual("_tag" in result && result.code, "admission-denied"))
    )
  })

  it.effect("is not called restored where the cluster cannot be read back", () => {
    const unreadable = Array.from({ length: 200 }, () => ({ _tag: "Unavailable" }) as const)
    const { faults, run } = begun()
    return run((done) =>
      Effect.gen(function* () {
        const intent = yield* intended(done)
        const executor = yield* RollbackExecutor.RollbackExecutor
        yield* executor.execute(intent, { holds, resumed: false, mayWrite: true })
        faults.gets = unreadable
        const target = { cluster: "test", ...scale.target }
        const verification = yield* inTime(executor.verify(intent, done.intent, target))
        assert.deepStrictEqual([verification.restored, verification.observed], ["unknown", null])
      })
    )
  })

  it.effect("is not called restored where somebody writes the value again", () => {
    const { run } = begun()
    return run((done) =>
      Effect.gen(function* () {
        const client = yield* KubernetesClient
        const intent = yield* intended(done)
        const executor = yield* RollbackExecutor.RollbackExecutor
        yield* executor.execute(intent, { holds, resumed: false, mayWrite: true })
        yield* client.apply(writeReplicas(4))
        const target = { cluster: "test", ...scale.target }
        const verification = yield* inTime(executor.verify(intent, done.intent, target))
        assert.strictEqual(verification.restored, "no")
        assert.include(verification.reasons.join(), "spec.replicas")
      })
    )
  })
})
