/** Drains that are interrupted, resumed, or given up, and pods that come to the node meanwhile. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import { arrivalsOn } from "../../src/execution/DrainArrivals.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { drainedPods } from "../../src/kubernetes/NodePods.ts"
import { drain, executed, on, planned } from "./acting.ts"
import { inTime, layer, script, writesOf } from "./faults.ts"
import { node, owner, pod, replicaSet } from "./objects.ts"

const names = (changes: ReadonlyArray<Change>) => changes.map(({ ref }) => ref.name)

const onNode = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.list("Pod", {}), (pods) => drainedPods("node-1", pods).map(({ metadata }) => metadata.name))
)

const isCordoned = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(
    client.get(drain.target),
    ({ spec }) => (spec as { readonly unschedulable?: boolean }).unschedulable === true
  )
)

/** A pod that was put on the node by its name, as pods are that tolerate a cordon. */
const arrive = Effect.fnUntraced(function* (name: string, spec: object = {}, ownerKind = "ReplicaSet") {
  const client = yield* KubernetesClient
  const set = yield* client.get(on("Deployment", "catalog"))
  yield* client.apply({
    _tag: "Create",
    ref: on("Pod", name),
    manifest: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace: "shop",
        labels: { "pod-template-hash": "h" },
        ownerReferences: [
          { apiVersion: "apps/v1", kind: ownerKind, name: "elsewhere", uid: set.metadata.uid, controller: true }
        ]
      },
      spec: { nodeName: "node-1", containers: [{ name: "main", image: "registry.example/app:v1" }], ...spec }
    } as Extract<Change, { _tag: "Create" }>["manifest"]
  })
})

const executedAgain = (intent: Intent) =>
  Effect.flatMap(Executor, (executor) =>
    inTime(executor.execute(intent, { holds: Effect.succeed(true), resumed: true, approved: true }))
  )

describe("a drain", () => {
  it.effect("that lost its owner between two evictions is continued with the pods that are left", () => {
    const faults = script()
    return Effect.gen(function* () {
      const executor = yield* Executor
      const intent = yield* planned(drain, drain.target, true)
      let writes = 0
      yield* executor.execute(intent, { holds: Effect.sync(() => ++writes <= 2) })
      const before = writesOf(faults).length
      assert.deepStrictEqual([(yield* executedAgain(intent)).applied, yield* onNode], ["yes", []])
      const repeated = new Set(writesOf(faults).slice(before))
      assert.isFalse(repeated.has("patch node-1"), "the node is cordoned already")
      assert.isFalse(repeated.has(`evict ${intent.changes[1]!.ref.name}`), "this pod is gone already")
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("evicts a pod that came to the node after the plan", () =>
    Effect.gen(function* () {
      const intent = yield* planned(drain, drain.target, true)
      yield* arrive("late")
      const outcome = yield* inTime(executed(intent))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
      assert.include(outcome.message, "late")
      assert.deepStrictEqual(yield* onNode, [])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("evicts a pod that came while its owner was down", () =>
    Effect.gen(function* () {
      const intent = yield* planned(drain, drain.target, true)
      const executor = yield* Executor
      let writes = 0
      yield* executor.execute(intent, { holds: Effect.sync(() => ++writes <= 1) })
      yield* arrive("late")
      assert.deepStrictEqual([(yield* executedAgain(intent)).failure, yield* onNode], [undefined, []])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("leaves a pod that came after the plan and keeps data, because nobody was asked about it", () =>
    Effect.gen(function* () {
      const intent = yield* planned(drain, drain.target, true)
      yield* arrive("late", { volumes: [{ name: "data", emptyDir: {} }] })
      const outcome = yield* inTime(executed(intent))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", "pods-remain"])
      assert.include(outcome.message, "late")
      assert.deepStrictEqual(yield* onNode, ["late"])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("that a disruption budget stops has failed, is in the cluster, and its inverse uncordons the node", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const budgetOf = on("PodDisruptionBudget", "all")
      yield* client.apply({
        _tag: "Create",
        ref: budgetOf,
        manifest: {
          apiVersion: "policy/v1",
          kind: "PodDisruptionBudget",
          metadata: { name: "all", namespace: "shop" },
          spec: { minAvailable: "100%", selector: { matchLabels: { app: "search" } } }
        }
      })
      const intent = yield* planned(drain, drain.target, true)
      const outcome = yield* inTime(executed(intent))
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", "disruption-budget"])
      assert.isTrue(yield* isCordoned)
      const { inverse } = intent
      if (inverse._tag === "Partial") for (const change of inverse.changes) yield* client.apply(change)
      assert.isFalse(yield* isCordoned)
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("of a node that somebody else has cordoned leaves the cordon to them", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      yield* client.apply({
        _tag: "Patch",
        ref: drain.target,
        patch: [{ op: "add", path: "/spec/unschedulable", value: true }]
      })
      const { changes, inverse } = yield* planned(drain, drain.target, true)
      assert.isTrue(changes.every(({ _tag }) => _tag === "Evict"))
      assert.deepStrictEqual(inverse._tag === "Partial" ? inverse.changes : undefined, [])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("whose plan is abandoned keeps no place for its node", () =>
    Effect.gen(function* () {
      const executor = yield* Executor
      const draft = (name: string) =>
        executor.draft({
          action: { type: "CordonNode", target: on("Node", name, "") },
          target: { cluster: "test", ...on("Node", name, "") },
          remediationId: name,
          executionId: `${name}-1`,
          epoch: 1,
          reserve: true
        })
      const first = yield* draft("node-1")
      assert.deepStrictEqual(
        (yield* draft("node-2")).asks.map(({ rule }) => rule),
        ["too-many-nodes-out"]
      )
      yield* executor.abandon(first.intent.executionId)
      assert.deepStrictEqual((yield* draft("node-2")).asks, [])
    }).pipe(Effect.provide(layer(script())))
  )
})

const managed = (name: string, kind = "ReplicaSet") => pod(name, { ownerReferences: owner(kind, "checkout-3") })
const finished = pod("finished", {}, {}, { phase: "Succeeded" })
const terminating = pod("terminating", { deletionTimestamp: "2026-11-24T02:59:59Z" })
const mirror = pod("mirror", { annotations: { "kubernetes.io/config.mirror": "h" } })
const elsewhere = pod("elsewhere", {}, { nodeName: "node-2" })
const bare = pod("bare", { ownerReferences: [] })
const worker = pod("worker", { ownerReferences: owner("Job", "work") }, { restartPolicy: "Never" })

const arrivals: ReadonlyArray<
  readonly [claim: string, pod: KubernetesObject, evicted: ReadonlyArray<string>, failure: string | undefined]
> = [
  ["a managed pod is evicted", managed("late"), ["late"], undefined],
  ["a pod that the drain knows is not an arrival", managed("known"), [], undefined],
  ["a pod on another node is not an arrival", elsewhere, [], undefined],
  ["a pod of a DaemonSet stays", managed("agent", "DaemonSet"), [], undefined],
  ["a finished pod stays", finished, [], undefined],
  ["a terminating pod is on its way", terminating, [], undefined],
  ["a static pod stays", mirror, [], undefined],
  ["a pod without an owner stays, and a person is told", bare, [], "pods-remain"],
  ["a pod that runs once stays, and a person is told", worker, [], "pods-remain"]
]

describe("of the pods that come to a drained node", () => {
  it.each(arrivals)("%s", (_claim, arrival, evicted, failure) => {
    const objects = { subject: node(), related: [replicaSet(3), arrival] }
    const result = arrivalsOn("node-1", objects, new Set(["uid-known"]), () => false)
    assert.deepStrictEqual([names(result.evictions), result.failure?.code], [evicted, failure])
  })

  it("one of a protected namespace stays, and a person is told", () => {
    const objects = { subject: node(), related: [replicaSet(3), pod("late")] }
    const result = arrivalsOn("node-1", objects, new Set(), (namespace) => namespace === "shop")
    assert.deepStrictEqual([names(result.evictions), result.failure?.code], [[], "pods-remain"])
    assert.include(result.failure?.message, "Pod shop/late")
  })
})
