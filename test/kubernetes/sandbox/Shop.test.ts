/** The workloads of a new sandbox: what is wrong with each, and what heals it. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { CronJob, Event, HorizontalPodAutoscaler, Pod } from "../../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { apply, podsOf, read, ref, replace, templateOf } from "./ShopRequests.ts"

describe("the shop of the sandbox", () => {
  it.effect("checkout is stuck in a bad rollout while three pods serve, and an undo settles within a second", () =>
    Effect.gen(function* () {
      const stuck = yield* read("Deployment", "checkout")
      assert.deepInclude(stuck, { desiredReplicas: 4, readyReplicas: 3, updatedReplicas: 2, endpoints: 3, revision: 3 })
      assert.deepInclude(stuck.conditions, { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" })
      assert.deepStrictEqual(
        stuck.pods.filter((each) => !each.ready).map((each) => each.reason),
        ["CrashLoopBackOff", "CrashLoopBackOff"]
      )
      yield* TestClock.adjust("40 seconds")
      assert.isAbove(
        (yield* read("Deployment", "checkout")).restarts!,
        stuck.restarts!,
        "restarts increase without any request"
      )
      yield* apply(replace(ref("Deployment", "checkout"), "/spec/template", yield* templateOf("checkout", 2)))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* read("Deployment", "checkout"), {
        readyReplicas: 4,
        updatedReplicas: 4,
        availableReplicas: 4,
        endpoints: 4,
        restarts: 0,
        revision: 4
      })
      yield* TestClock.adjust("5 minutes")
      assert.deepInclude(yield* read("Deployment", "checkout"), { readyReplicas: 4, restarts: 0 })
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("the log of checkout shows why it crashes, and contains a secret that redaction must remove", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const failing = (yield* podsOf("checkout")).find(
        (each) => (each.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0
      )!
      const log = yield* kubernetes.logs(ref("Pod", failing.metadata.name), { tailLines: 50, previous: true })
      assert.include(log, "panic: schema version 41 is older than required version 42")
      assert.match(log, /postgres:\/\/checkout:\S+@/)
      const events = (yield* kubernetes.list("Event", {
        namespace: "shop",
        involvedObject: { kind: "Pod", name: failing.metadata.name }
      })) as ReadonlyArray<Event>
      assert.include(
        events.map((each) => each.reason),
        "BackOff"
      )
      const healthy = (yield* podsOf("catalog"))[0]!
      assert.strictEqual(
        (yield* Effect.flip(kubernetes.logs(ref("Pod", healthy.metadata.name), { tailLines: 5, previous: true })))
          .reason._tag,
        "Invalid"
      )
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("cart is OOM-killed; a restart does not heal it, and a limit of 512Mi does", () =>
    Effect.gen(function* () {
      const cart = ref("Deployment", "cart")
      const before = yield* read("Deployment", "cart")
      assert.deepInclude(before, { readyReplicas: 0, endpoints: 0 })
      assert.isTrue(before.pods.every((each) => each.reason === "OOMKilled"))
      const nodeEvents = yield* Effect.flatMap(KubernetesClient, (kubernetes) =>
        kubernetes.list("Event", { namespace: "default" })
      )
      assert.include(
        nodeEvents.map((each) => each["reason"]),
        "OOMKilling"
      )
      yield* apply({
        _tag: "Patch",
        ref: cart,
        patch: [
          {
            op: "add",
            path: "/spec/template/metadata/annotations",
            value: { "kubectl.kubernetes.io/restartedAt": "now" }
          }
        ]
      })
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual((yield* read("Deployment", "cart")).readyReplicas, 0)
      yield* apply(replace(cart, "/spec/template/spec/containers/0/resources/limits/memory", "512Mi"))
      yield* TestClock.adjust("2 seconds")
      assert.deepInclude(yield* read("Deployment", "cart"), { readyReplicas: 2, endpoints: 2, restarts: 0 })
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect(
    "search is held at the maximum of its autoscaler; manual scaling is reverted, a higher maximum lets it grow",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const autoscaler = ref("HorizontalPodAutoscaler", "search")
        const limited = (yield* kubernetes.get(autoscaler)) as HorizontalPodAutoscaler
        assert.strictEqual(limited.status?.currentReplicas, limited.spec.maxReplicas)
        assert.include(
          limited.status?.conditions?.map((each) => `${each.type}=${each.status}`) ?? [],
          "ScalingLimited=True"
        )
        yield* apply(replace(ref("Deployment", "search"), "/spec/replicas", 7))
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual((yield* read("Deployment", "search")).desiredReplicas, 5)
        yield* apply(replace(autoscaler, "/spec/maxReplicas", 12))
        yield* TestClock.adjust("3 seconds")
        assert.deepInclude(yield* read("Deployment", "search"), {
          desiredReplicas: 7,
          readyReplicas: 7,
          autoscaler: "search",
          managers: ["hpa"]
        })
        const grown = (yield* kubernetes.get(autoscaler)) as HorizontalPodAutoscaler
        assert.deepInclude(grown.status, { currentReplicas: 7, desiredReplicas: 7 })
        assert.include(
          grown.status?.conditions?.map((each) => `${each.type}=${each.status}`) ?? [],
          "ScalingLimited=False"
        )
      }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("catalog is healthy, and its budget allows one eviction at a time", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* read("Deployment", "catalog"), {
        desiredReplicas: 3,
        readyReplicas: 3,
        endpoints: 3,
        restarts: 0
      })
      const [first, second] = yield* podsOf("catalog")
      const evict = (pod: Pod) => apply({ _tag: "Evict", ref: ref("Pod", pod.metadata.name), uid: pod.metadata.uid })
      yield* evict(first!)
      const refused = yield* Effect.flip(evict(second!))
      assert.deepStrictEqual(
        [refused.reason._tag, refused.applied, refused.retryable],
        ["DisruptionBudget", "no", true]
      )
      yield* TestClock.adjust("1 second")
      yield* evict(second!)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("a drained node keeps only the pods of DaemonSets", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      yield* apply({
        _tag: "Patch",
        ref: ref("Node", "node-1", ""),
        patch: [{ op: "add", path: "/spec/unschedulable", value: true }]
      })
      const onNode = Effect.map(kubernetes.list("Pod", {}), (pods) =>
        (pods as ReadonlyArray<Pod>).filter(
          (each) => each.spec.nodeName === "node-1" && each.status?.phase === "Running"
        )
      )
      const movable = (pods: ReadonlyArray<Pod>) =>
        pods.filter((each) => each.metadata.ownerReferences?.[0]?.kind !== "DaemonSet")
      assert.isNotEmpty(movable(yield* onNode))
      for (let round = 0; round < 10; round++) {
        for (const pod of movable(yield* onNode))
          yield* Effect.ignore(
            kubernetes.apply({
              _tag: "Evict",
              ref: ref("Pod", pod.metadata.name, pod.metadata.namespace),
              uid: pod.metadata.uid
            })
          )
        yield* TestClock.adjust("1 second")
      }
      const left = yield* onNode
      assert.isEmpty(movable(left))
      assert.lengthOf(left, 1)
      assert.deepInclude(yield* read("Deployment", "catalog"), { readyReplicas: 3 })
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("a CronJob runs on its schedule except while it is suspended", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const last = Effect.map(
        kubernetes.get(ref("CronJob", "stock-report")),
        (each) => (each as CronJob).status?.lastScheduleTime
      )
      const before = yield* last
      yield* TestClock.adjust("31 minutes")
      const ran = yield* last
      assert.notStrictEqual(ran, before)
      yield* apply(replace(ref("CronJob", "stock-report"), "/spec/suspend", true))
      yield* TestClock.adjust("3 hours")
      assert.strictEqual(yield* last, ran)
      yield* apply(replace(ref("CronJob", "stock-report"), "/spec/suspend", false))
      yield* TestClock.adjust("31 minutes")
      assert.notStrictEqual(yield* last, ran)
      assert.isAtMost((yield* kubernetes.list("Job", { namespace: "shop" })).length, 3, "finished Jobs are cleaned up")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("replicas that fit on no node are Unschedulable, and are removed first when the count is reduced", () =>
    Effect.gen(function* () {
      const serving = new Set((yield* podsOf("catalog")).map((each) => each.metadata.uid))
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 400))
      yield* TestClock.adjust("5 seconds")
      const full = yield* read("Deployment", "catalog")
      assert.isBelow(full.readyReplicas!, 400)
      assert.include(
        full.pods.map((each) => each.reason),
        "Unschedulable"
      )
      const running = full.readyReplicas!
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", running))
      yield* TestClock.adjust("5 seconds")
      const fitting = yield* read("Deployment", "catalog")
      assert.deepInclude(fitting, { readyReplicas: running, availableReplicas: running })
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 3))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        new Set((yield* podsOf("catalog")).map((each) => each.metadata.uid)),
        serving,
        "the oldest pods stay"
      )
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("the newest old ReplicaSets are kept, up to the history limit", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/revisionHistoryLimit", 2))
      for (const version of [2, 3, 4, 5]) {
        yield* apply(
          replace(
            ref("Deployment", "catalog"),
            "/spec/template/spec/containers/0/image",
            `registry.shop.example/catalog:v${version}`
          )
        )
        yield* TestClock.adjust("5 seconds")
      }
      const sets = yield* kubernetes.list("ReplicaSet", { namespace: "shop", labelSelector: { app: "catalog" } })
      assert.deepStrictEqual(
        sets.map((each) => each.metadata.annotations?.["deployment.kubernetes.io/revision"]).sort(),
        ["3", "4", "5"]
      )
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("a quota accepts the patch and refuses the controller's pods, with an event and a condition", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      yield* apply({
        _tag: "Create",
        ref: ref("ResourceQuota", "pods"),
        manifest: {
          apiVersion: "v1",
          kind: "ResourceQuota",
          metadata: { name: "pods" },
          spec: { hard: { pods: "10" } }
        }
      })
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 6))
      yield* TestClock.adjust("2 seconds")
      const held = yield* read("Deployment", "catalog")
      assert.strictEqual(held.readyReplicas, 3)
      assert.deepInclude(held.conditions, { type: "ReplicaFailure", status: "True", reason: "FailedCreate" })
      const events = (yield* kubernetes.list("Event", { namespace: "shop" })) as ReadonlyArray<Event>
      assert.isTrue(
        events.some((each) => each.reason === "FailedCreate" && each.message?.includes("exceeded quota: pods") === true)
      )
    }).pipe(Effect.provide(Sandbox.layer()))
  )
})
