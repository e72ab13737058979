/**
 * What only the sandbox does: the shop that it opens with, its determinism, and what a real cluster can't be asked for.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { Change } from "../../../src/domain/Change.ts"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import { KubernetesClient, KubernetesError } from "../../../src/kubernetes/KubernetesClient.ts"
import type {
  CronJob,
  Deployment,
  EndpointSlice,
  Event,
  HorizontalPodAutoscaler,
  Pod,
  ReplicaSet
} from "../../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"

const ref = (kind: string, name: string, namespace = "shop"): ResourceRef => ({ namespace, kind, name })
const replace = (target: ResourceRef, path: string, value: unknown): Change => ({
  _tag: "Patch",
  ref: target,
  patch: [{ op: "replace", path, value: value as string }]
})

const read = (kind: string, name: string, namespace?: string) => readWorkload(ref(kind, name, namespace))
const apply = (change: Change) => Effect.flatMap(KubernetesClient, (kubernetes) => kubernetes.apply(change))
const podsOf = (app: string) =>
  Effect.flatMap(KubernetesClient, (kubernetes) =>
    Effect.map(
      kubernetes.list("Pod", { namespace: "shop", labelSelector: { app } }),
      (pods) => pods as ReadonlyArray<Pod>
    )
  )

/** The template of an earlier revision, as an undo puts it back. */
const templateOf = (name: string, revision: number) =>
  Effect.gen(function* () {
    const kubernetes = yield* KubernetesClient
    const sets = (yield* kubernetes.list("ReplicaSet", {
      namespace: "shop",
      labelSelector: { app: name }
    })) as ReadonlyArray<ReplicaSet>
    const set = sets.find(
      (each) => each.metadata.annotations?.["deployment.kubernetes.io/revision"] === String(revision)
    )!
    const { "pod-template-hash": _, ...labels } = set.spec.template.metadata!.labels!
    return { ...set.spec.template, metadata: { ...set.spec.template.metadata, labels } }
  })

describe("the sandbox's shop", () => {
  it.effect("checkout is stuck in a bad rollout while three old pods serve, and an undo settles in a second", () =>
    Effect.gen(function* () {
      const stuck = yield* read("Deployment", "checkout")
      assert.deepInclude(stuck, { desiredReplicas: 4, readyReplicas: 3, updatedReplicas: 2, endpoints: 3, revision: 3 })
      assert.deepInclude(stuck.conditions, { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" })
      assert.deepStrictEqual(
        stuck.pods.filter((each) => !each.ready).map((each) => each.reason),
        ["CrashLoopBackOff", "CrashLoopBackOff"]
      )
      yield* TestClock.adjust("40 seconds")
      assert.isAbove((yield* read("Deployment", "checkout")).restarts!, stuck.restarts!, "restarts rise by themselves")
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

  it.effect("checkout's log says why it dies, with a secret in it that redaction must take out", () =>
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

  it.effect("cart is OOM-killed; a restart does not help it, 512Mi does", () =>
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
    "search is held at its autoscaler's maximum; scaling it by hand is undone, a higher maximum lets it grow",
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

  it.effect("catalog is healthy, and its budget lets one pod go at a time", () =>
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

  it.effect("a drained node ends up with no pods but those of DaemonSets", () =>
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

  it.effect("a CronJob runs on its schedule until it is suspended", () =>
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

  it.effect(
    "more replicas than the nodes can take are Unschedulable until there is room, and are the first to go",
    () =>
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
          "the oldest stay"
        )
      }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("old ReplicaSets are kept as far as the history limit, the newest of them", () =>
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

  it.effect("a quota refuses a controller's pods afterwards, as an event and a condition, not the patch", () =>
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

describe("the sandbox", () => {
  const story = Effect.gen(function* () {
    const kubernetes = yield* KubernetesClient
    yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 6))
    yield* TestClock.adjust("7 seconds")
    yield* apply(replace(ref("Deployment", "checkout"), "/spec/template", yield* templateOf("checkout", 2)))
    yield* TestClock.adjust("7 seconds")
    return JSON.stringify(
      yield* Effect.forEach(["Deployment", "ReplicaSet", "Pod", "Event", "EndpointSlice", "Job"], (kind) =>
        kubernetes.list(kind, {})
      )
    )
  }).pipe(Effect.provide(Sandbox.layer(), { local: true }))

  it.effect(
    "with one seed lives the same story twice, to the last resourceVersion, and with another a different one",
    () =>
      Effect.gen(function* () {
        const first = yield* Random.withSeed(story, "a")
        yield* TestClock.setTime(0)
        const second = yield* Random.withSeed(story, "a")
        yield* TestClock.setTime(0)
        const other = yield* Random.withSeed(story, "b")
        assert.strictEqual(second, first)
        assert.notStrictEqual(other, first)
      })
  )

  it.effect("a step in time of any size gives the same state as many small ones", () =>
    Effect.gen(function* () {
      const live = (steps: number) =>
        Effect.gen(function* () {
          yield* apply(
            replace(
              ref("Deployment", "catalog"),
              "/spec/template/spec/containers/0/image",
              "registry.shop.example/catalog:bad"
            )
          )
          for (let step = 0; step < steps; step++) {
            yield* TestClock.adjust(60_000 / steps)
            yield* read("Deployment", "catalog")
          }
          const { observedAt: _, ...state } = yield* read("Deployment", "catalog")
          return state
        }).pipe(Effect.provide(Sandbox.layer(), { local: true }), Random.withSeed("steps"))
      const once = yield* live(1)
      yield* TestClock.setTime(0)
      assert.deepStrictEqual(yield* live(600), once)
    })
  )

  it.effect("a clock that is set back changes nothing", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 hour")
      yield* Effect.gen(function* () {
        const before = yield* read("Deployment", "catalog")
        yield* TestClock.setTime(0)
        const { observedAt: _, ...after } = yield* read("Deployment", "catalog")
        assert.deepInclude(before, after)
      }).pipe(Effect.provide(Sandbox.layer(), { local: true }))
    })
  )

  it.effect("what a reader has read never changes under his hands", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const before = (yield* kubernetes.get(ref("Deployment", "catalog"))) as Deployment
      const copy = structuredClone(before)
      const pods = yield* podsOf("catalog")
      const podsCopy = structuredClone(pods)
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 8))
      yield* TestClock.adjust("5 seconds")
      yield* podsOf("catalog")
      assert.deepStrictEqual(before, copy)
      assert.deepStrictEqual(pods, podsCopy)
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("a watcher who sleeps is woken by what becomes due and by what another writes", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const seen: Array<string> = []
      const watcher = yield* Effect.forkChild(
        Stream.runForEach(
          kubernetes.watch("Deployment", { namespace: "shop", labelSelector: { app: "catalog" } }),
          ({ type, object }) =>
            Effect.sync(() =>
              seen.push(
                `${type} ${(object as Deployment).spec.replicas} ${(object as Deployment).status?.readyReplicas}`
              )
            )
        )
      )
      yield* TestClock.adjust(0)
      yield* apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 4))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(watcher)
      assert.deepStrictEqual(seen[0], "ADDED 3 3")
      assert.include(seen, "MODIFIED 4 3")
      assert.strictEqual(seen.at(-1), "MODIFIED 4 4")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect("a watcher who sleeps is woken in time by what a write has only set going", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const ready: Array<number> = []
      const watcher = yield* Effect.forkChild(
        Stream.runForEach(kubernetes.watch("EndpointSlice", { namespace: "quiet" }), ({ object }) =>
          Effect.sync(() =>
            ready.push(
              (object as EndpointSlice).endpoints?.filter((each) => each.conditions?.ready === true).length ?? 0
            )
          )
        )
      )
      yield* TestClock.adjust("29 minutes")
      assert.deepStrictEqual(ready, [2])
      // The write itself changes no slice; a pod that is ready 300 ms later does, long before anything else is due.
      yield* apply(replace(ref("Deployment", "app", "quiet"), "/spec/replicas", 3))
      yield* TestClock.adjust("300 millis")
      yield* Fiber.interrupt(watcher)
      assert.deepStrictEqual(ready, [2, 3])
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          pace: { backoff: "1 day" },
          deployments: [{ namespace: "quiet", name: "app", behaviour: "healthy" }]
        })
      )
    )
  )

  it.effect("a watcher who falls ten thousand events behind is told to begin anew", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const label = (value: number) =>
        apply({
          _tag: "Patch",
          ref: ref("Deployment", "catalog"),
          patch: [{ op: "add", path: "/metadata/labels/n", value: String(value) }]
        })
      const slow = yield* Effect.forkChild(
        Effect.flip(
          Stream.runForEach(kubernetes.watch("Deployment", { namespace: "shop" }), () => Effect.sleep("1 hour"))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust(0)
      for (let n = 0; n < 10_100; n++) yield* label(n)
      yield* TestClock.adjust("30 hours")
      assert.strictEqual((yield* Fiber.join(slow)).reason._tag, "Expired")
    }).pipe(Effect.provide(Sandbox.layer()))
  )

  it.effect(
    "intercept stands around every request: it can refuse it, and lose the answer of one that was carried out",
    () => {
      const broken = Sandbox.layer({
        intercept: (operation, request) =>
          operation.verb === "patch" && !operation.dryRun
            ? Effect.flatMap(request, () =>
                Effect.fail(
                  new KubernetesError({
                    reason: { _tag: "Timeout" },
                    operation: "patch",
                    applied: "unknown",
                    retryable: false
                  })
                )
              )
            : operation.verb === "probe"
              ? Effect.fail(
                  new KubernetesError({
                    reason: { _tag: "Unavailable" },
                    operation: "probe",
                    applied: "no",
                    retryable: true
                  })
                )
              : request
      })
      return Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        assert.strictEqual((yield* Effect.flip(kubernetes.probe)).reason._tag, "Unavailable")
        assert.strictEqual(
          (yield* Effect.flip(apply(replace(ref("Deployment", "catalog"), "/spec/replicas", 5)))).applied,
          "unknown"
        )
        assert.strictEqual((yield* read("Deployment", "catalog")).desiredReplicas, 5)
      }).pipe(Effect.provide(broken))
    }
  )

  it.effect(
    "generated Deployments are broken as asked, on enough nodes, and at instant pace an undo is over when it is answered",
    () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* read("Deployment", "bad-7", "load"), {
          desiredReplicas: 2,
          readyReplicas: 2,
          updatedReplicas: 1,
          endpoints: 2
        })
        assert.isAbove((yield* read("Deployment", "bad-7", "load")).restarts!, 0)
        assert.deepInclude(yield* read("Deployment", "oom", "load"), { readyReplicas: 0, endpoints: 0 })
        assert.deepInclude(yield* read("Deployment", "good", "load"), { readyReplicas: 5, endpoints: 5 })
        yield* apply(
          replace(
            ref("Deployment", "bad-7", "load"),
            "/spec/template/spec/containers/0/image",
            "registry.example/load/bad-7:v1.0.0"
          )
        )
        assert.deepInclude(yield* read("Deployment", "bad-7", "load"), {
          readyReplicas: 2,
          updatedReplicas: 2,
          restarts: 0,
          revision: 3
        })
      }).pipe(
        Effect.provide(
          Sandbox.layer({
            pace: Sandbox.instantPace,
            deployments: [
              ...Array.from({ length: 200 }, (_, index) => ({
                namespace: "load",
                name: `bad-${index}`,
                behaviour: "bad-rollout" as const
              })),
              { namespace: "load", name: "oom", behaviour: "oom" },
              { namespace: "load", name: "good", behaviour: "healthy", replicas: 5 }
            ]
          })
        )
      )
  )
})
