/** Actions that change the template of a StatefulSet evict the pods that block it (kubernetes#67250). */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { budget, image, type Manifest, patch, statefulSet as manifestOf } from "../kubernetes/contract/Manifests.ts"
import { executed, on, planned } from "./acting.ts"
import { layer, script } from "./faults.ts"
import { controllerRevision, daemonSet, memberOf, owner, pod, statefulSet, template } from "./objects.ts"
import { acceptedPlan, adjust, planOf, restart, rollback } from "./plans.ts"

const db = on("StatefulSet", "db")
const set = (spec: object = {}) => statefulSet({ replicas: 3, template: template("db:2"), ...spec })
const history = [controllerRevision(set(), 1, "db:1"), controllerRevision(set(), 2, "db:2")]
const raised: Action = { ...adjust({ limits: { memory: "512Mi" } }), target: db }

const actions: ReadonlyArray<readonly [type: string, action: Action]> = [
  ["RollbackDeployment", rollback(undefined, db)],
  ["AdjustResources", raised],
  ["RestartWorkload", { ...restart, target: db }]
]

const evicted = (changes: ReadonlyArray<Change>) =>
  changes.flatMap((change) => (change._tag === "Evict" ? [`${change.ref.name} ${change.uid}`] : []))

const evictedBy = (action: Action, pods: ReadonlyArray<KubernetesObject>, subject: KubernetesObject = set()) =>
  evicted(acceptedPlan(action, subject, [...history, ...pods]).changes)

const broken = memberOf(2, 2, false)

describe("an action that changes the template of a StatefulSet", () => {
  it.each(actions)("%s evicts its pod that is not ready, after the patch and by uid", (_type, action) => {
    const { changes, figures } = acceptedPlan(action, set(), [...history, memberOf(1, 0, true), broken])
    assert.deepStrictEqual(
      changes.map(({ _tag }) => _tag),
      ["Patch", "Evict"]
    )
    assert.deepStrictEqual(evicted(changes), ["db-2 uid-db-2"])
    assert.strictEqual(figures["evicts"], "db-2", "the plan shows it")
  })

  it.each(actions)("%s evicts every pod that is not ready, because each of them blocks in turn", (_type, action) => {
    assert.deepStrictEqual(evictedBy(action, [memberOf(2, 1, false), broken]), ["db-1 uid-db-1", "db-2 uid-db-2"])
  })

  it.each(actions)("%s leaves a ready pod, a terminating and a finished one, and another owner's", (_type, action) => {
    const others = [
      memberOf(2, 0, true),
      memberOf(2, 1, false, { deletionTimestamp: "2026-11-24T02:59:59Z" }),
      pod("db-3", { ownerReferences: owner("StatefulSet", "db") }, {}, { phase: "Failed" }),
      memberOf(2, 4, false, { ownerReferences: owner("StatefulSet", "other-db") })
    ]
    assert.deepStrictEqual(evictedBy(action, others), [])
  })

  it.each(actions)("%s evicts nothing if the pods are managed in parallel", (_type, action) => {
    assert.deepStrictEqual(evictedBy(action, [broken], set({ podManagementPolicy: "Parallel" })), [])
  })

  it("a rollback leaves a pod of the revision that it restores: its replacement would be the same", () => {
    assert.deepStrictEqual(evictedBy(rollback(undefined, db), [memberOf(1, 0, false), broken]), ["db-2 uid-db-2"])
  })

  it("a rollback of a DaemonSet evicts nothing: its controller removes broken pods first", () => {
    const agent = daemonSet({ template: template("agent:2") })
    const agents = [controllerRevision(agent, 1, "agent:1"), controllerRevision(agent, 2, "agent:2")]
    const member = pod("agent-x", { ownerReferences: owner("DaemonSet", "agent") }, {}, { phase: "Pending" })
    const { changes } = acceptedPlan(rollback(undefined, on("DaemonSet", "agent")), agent, [...agents, member])
    assert.deepStrictEqual(evicted(changes), [])
  })

  it.each(actions)("%s asks if RBAC hides the pods", (_type, action) => {
    const result = planOf(action, set(), history, {}, ["Pod"])
    assert.deepStrictEqual(result._tag === "Plan" ? result.asks.map(({ rule }) => rule) : [], ["unread"])
  })
})

/** A StatefulSet of which the last pod is of a broken template and will never be ready. */
const stuckSet = Effect.fnUntraced(function* (annotations: Record<string, string>, tag: string) {
  const client = yield* KubernetesClient
  const manifest = manifestOf("db", { annotations: {}, replicas: 3 })
  yield* client.apply({
    _tag: "Create",
    ref: db,
    manifest: { ...manifest, metadata: { name: "db", namespace: "shop" } as Manifest }
  })
  yield* TestClock.adjust("1 minute")
  yield* client.apply(
    patch(db, image(tag), { op: "replace", path: "/spec/template/metadata/annotations", value: annotations })
  )
  yield* TestClock.adjust("1 minute")
  assert.strictEqual((yield* readWorkload(db)).pods.filter(({ ready }) => !ready).length, 1)
})

const heals = (action: Action) =>
  Effect.gen(function* () {
    assert.strictEqual((yield* executed(yield* planned(action, db, true))).applied, "yes")
    yield* TestClock.adjust("3 minutes")
    const { pods, rollout } = yield* readWorkload(db)
    assert.lengthOf(pods, 3)
    assert.isTrue(pods.every(({ current, ready }) => ready && current === true))
    assert.isFalse(rollout?.inProgress)
  })

describe("a StatefulSet that is stuck", () => {
  it.effect("is healed by a rollback", () =>
    Effect.andThen(stuckSet({}, "bad-v2"), heals({ type: "RollbackDeployment", target: db })).pipe(
      Effect.provide(layer(script()))
    )
  )

  it.effect("is healed by more memory", () =>
    Effect.andThen(
      stuckSet({ "sim/memory-need": "200Mi" }, "v2"),
      heals({ type: "AdjustResources", target: db, container: "main", limits: { memory: "256Mi" } })
    ).pipe(Effect.provide(layer(script())))
  )

  it.effect("keeps its ready pods from the eviction while a budget allows none", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      yield* stuckSet({}, "bad-v2")
      const manifest = { ...budget("db", "db", 3), metadata: { name: "db", namespace: "shop" } }
      yield* client.apply({ _tag: "Create", ref: on("PodDisruptionBudget", "db"), manifest })
      yield* TestClock.adjust("10 seconds")
      const intent = yield* planned({ type: "RollbackDeployment", target: db }, db, true)
      const fiber = yield* Effect.forkChild(executed(intent))
      yield* TestClock.adjust("3 minutes")
      const outcome = yield* Fiber.join(fiber)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", "disruption-budget"])
    }).pipe(Effect.provide(layer(script())))
  )
})
