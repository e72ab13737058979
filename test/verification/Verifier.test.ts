import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import { Verification } from "../../src/domain/Verification.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { drainedPods } from "../../src/kubernetes/NodePods.ts"
import type { ReplicaSet } from "../../src/kubernetes/ObjectModel.ts"
import {
  acted,
  begin,
  checkout,
  hasResolved,
  layer,
  on,
  replace,
  restart,
  restarted,
  said,
  targetOf,
  verified,
  write,
  type World
} from "./verifying.ts"

const earlierTemplate = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.list("ReplicaSet", { namespace: "shop", labelSelector: { app: "checkout" } }), (replicaSets) => {
    const found = (replicaSets as ReadonlyArray<ReplicaSet>).find(
      (each) => each.metadata.annotations?.["deployment.kubernetes.io/revision"] === "2"
    )
    const { metadata, ...rest } = found!.spec.template
    const { "pod-template-hash": _hash, ...labels } = metadata?.labels ?? {}
    return { ...rest, metadata: { labels } }
  })
)

describe("Verifier on the sandbox", () => {
  it.effect("the rollback of a bad rollout is fixed after ten to twenty seconds", () =>
    Effect.gen(function* () {
      const action: Action = { type: "RollbackDeployment", target: on("Deployment", "checkout") }
      const intent = yield* acted(
        action,
        checkout,
        replace("Deployment", "checkout", "/spec/template", yield* earlierTemplate)
      )
      const { seconds, verification } = yield* verified(intent, checkout)
      assert.strictEqual(said(verification), "fixed settled problem-gone")
      assert.strictEqual(verification.observed?.readyReplicas, 4)
      assert.isAtLeast(seconds, 10)
      assert.isBelow(seconds, 20)
      assert.isTrue(Schema.is(Verification)(verification))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("the restart of a workload that crashes at startup is not fixed", () =>
    Effect.gen(function* () {
      const intent = yield* acted(restart, checkout, restarted("checkout"))
      const { verification } = yield* verified(intent, checkout)
      assert.strictEqual(verification.verdict, "not-fixed")
      assert.match(verification.reasons.join(" "), /progress-deadline|not-ready/)
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "a target whose own object shows a problem costs one request for each poll, and its verdict still includes the pods",
    () => {
      const world: World = { silent: false, reads: 0 }
      return Effect.gen(function* () {
        const intent = yield* acted(restart, checkout, restarted("checkout"))
        const fiber = yield* begin(intent, checkout)
        yield* TestClock.adjust("20 seconds")
        const before = world.reads
        yield* TestClock.adjust("20 seconds")
        // Every two seconds.
        assert.strictEqual(world.reads - before, 10)
        yield* TestClock.adjust("10 minutes")
        const { observed, verdict } = yield* Fiber.join(fiber)
        assert.strictEqual(verdict, "not-fixed")
        assert.isTrue(observed?.pods.some((pod) => pod.reason === "CrashLoopBackOff"))
        assert.isNumber(observed?.endpoints)
      }).pipe(Effect.provide(layer({}, world)))
    }
  )

  it.effect("a quota that refuses the new pods only after the write is the failure of the verification", () =>
    Effect.gen(function* () {
      const cart = targetOf("Deployment", "cart")
      yield* write({
        _tag: "Create",
        ref: on("ResourceQuota", "pods"),
        manifest: { apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "pods" }, spec: { hard: { pods: "0" } } }
      })
      const intent = yield* acted(
        { type: "ScaleWorkload", target: on("Deployment", "cart"), replicas: 5 },
        cart,
        replace("Deployment", "cart", "/spec/replicas", 5)
      )
      const { verification } = yield* verified(intent, cart)
      assert.strictEqual(verification.verdict, "not-fixed")
      assert.deepInclude(verification.failure, { code: "quota-exceeded", category: "resource" })
      assert.deepInclude(verification.failure?.shortages?.[0], { quota: "pods", resource: "pods", hard: "0" })
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a sufficient memory limit fixes the workload, and an insufficient one does not", () =>
    Effect.gen(function* () {
      const cart = targetOf("Deployment", "cart")
      const adjust = (memory: string) =>
        acted(
          { type: "AdjustResources", target: on("Deployment", "cart"), container: "cart", limits: { memory } },
          cart,
          replace("Deployment", "cart", "/spec/template/spec/containers/0/resources/limits/memory", memory)
        )
      assert.strictEqual((yield* verified(yield* adjust("280Mi"), cart)).verification.verdict, "not-fixed")
      assert.strictEqual(
        said((yield* verified(yield* adjust("512Mi"), cart)).verification),
        "fixed settled problem-gone"
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a sufficient autoscaler maximum fixes the workload, and an insufficient one does not", () =>
    Effect.gen(function* () {
      const search = targetOf("Deployment", "search")
      const raise = (maxReplicas: number) =>
        acted(
          { type: "PatchHpa", target: on("HorizontalPodAutoscaler", "search"), maxReplicas },
          search,
          replace("HorizontalPodAutoscaler", "search", "/spec/maxReplicas", maxReplicas)
        )
      assert.strictEqual(said((yield* verified(yield* raise(6), search)).verification), "not-fixed still-at-maximum")
      const enough = yield* verified(yield* raise(12), search)
      assert.strictEqual(said(enough.verification), "fixed settled problem-gone")
      assert.strictEqual(enough.verification.observed?.readyReplicas, 7)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a volume that grows is fixed once its alert has resolved", () =>
    Effect.gen(function* () {
      const data = targetOf("PersistentVolumeClaim", "data-orders-db-0")
      const action: Action = {
        type: "ExpandVolume",
        target: on("PersistentVolumeClaim", "data-orders-db-0"),
        size: "20Gi"
      }
      const intent = yield* acted(
        action,
        data,
        replace("PersistentVolumeClaim", "data-orders-db-0", "/spec/resources/requests/storage", "20Gi")
      )
      assert.strictEqual(said((yield* verified(intent, data)).verification), "unknown nothing-was-wrong")
      assert.strictEqual(
        said((yield* verified(intent, data, { posts: yield* Effect.map(hasResolved, Effect.succeed) })).verification),
        "fixed settled alert-resolved"
      )
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a drained node is not fixed while evicted pods remain", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const node = targetOf("Node", "node-1", "")
      const pods = (yield* client.list("Pod", { namespace: "shop" })).filter(
        (pod) => (pod["spec"] as { nodeName?: string }).nodeName === "node-1"
      )
      const evictions = pods.map((pod): Change => ({
        _tag: "Evict",
        ref: on("Pod", pod.metadata.name),
        uid: pod.metadata.uid
      }))
      const intent = yield* acted({ type: "DrainNode", target: on("Node", "node-1", "") }, node, undefined)
      assert.isAbove(evictions.length, 0)
      const { verification } = yield* verified({ ...intent, changes: evictions }, node, {
        posts: yield* Effect.map(hasResolved, Effect.succeed)
      })
      assert.strictEqual(said(verification), "not-fixed pods-remain")
    }).pipe(Effect.provide(layer()))
  )

  it.effect(
    "a drained node is fixed once its pods are gone and the alert has resolved, whatever runs on other nodes",
    () =>
      Effect.gen(function* () {
        const client = yield* KubernetesClient
        const node = targetOf("Node", "node-1", "")
        const cordon: Change = {
          _tag: "Patch",
          ref: on("Node", "node-1", ""),
          patch: [{ op: "add", path: "/spec/unschedulable", value: true }]
        }
        const intent = yield* acted({ type: "DrainNode", target: on("Node", "node-1", "") }, node, cordon)
        const evictions = drainedPods("node-1", yield* client.list("Pod", {})).map((pod): Change => ({
          _tag: "Delete",
          ref: on("Pod", pod.metadata.name, pod.metadata.namespace),
          uid: pod.metadata.uid
        }))
        yield* Effect.forEach(evictions, write)
        const { verification } = yield* verified({ ...intent, changes: [...intent.changes, ...evictions] }, node, {
          posts: yield* Effect.map(hasResolved, Effect.succeed)
        })
        assert.strictEqual(said(verification), "fixed settled alert-resolved")
      }).pipe(Effect.provide(layer()))
  )

  it.effect("a target that is deleted during verification is not fixed", () =>
    Effect.gen(function* () {
      const catalog = targetOf("Deployment", "catalog")
      const intent = yield* acted({ ...restart, target: on("Deployment", "catalog") }, catalog, restarted("catalog"))
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("3 seconds")
      const client = yield* KubernetesClient
      const object = yield* client.get(on("Deployment", "catalog"))
      yield* write({ _tag: "Delete", ref: on("Deployment", "catalog"), uid: object.metadata.uid })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "not-fixed target-gone reverted")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("a target that is scaled to zero during verification is not fixed", () =>
    Effect.gen(function* () {
      const catalog = targetOf("Deployment", "catalog")
      const intent = yield* acted({ ...restart, target: on("Deployment", "catalog") }, catalog, restarted("catalog"))
      const fiber = yield* begin(intent, catalog)
      yield* TestClock.adjust("3 seconds")
      yield* write(replace("Deployment", "catalog", "/spec/replicas", 0))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(said(yield* Fiber.join(fiber)), "not-fixed scaled-to-nothing")
    }).pipe(Effect.provide(layer()))
  )
})
