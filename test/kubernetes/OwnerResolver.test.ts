import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import type { ResourceRef } from "../../src/domain/Target.ts"
import {
  KubernetesClient,
  KubernetesError,
  type KubernetesObject,
  type ListOptions
} from "../../src/kubernetes/KubernetesClient.ts"
import * as OwnerResolver from "../../src/kubernetes/OwnerResolver.ts"
import { eitherWay } from "../resilience/WallClock.ts"

type Owner = readonly [kind: string, name: string]

const apiVersions: Readonly<Record<string, string>> = {
  Deployment: "apps/v1",
  ReplicaSet: "apps/v1",
  StatefulSet: "apps/v1",
  DaemonSet: "apps/v1",
  Job: "batch/v1",
  CronJob: "batch/v1",
  Node: "v1",
  Rollout: "argoproj.io/v1alpha1",
  PostgresCluster: "postgres-operator.crunchydata.com/v1beta1",
  AdvancedStatefulSet: "apps.kruise.io/v1beta1"
}

const object = (kind: string, name: string, owner?: Owner, rest: Record<string, unknown> = {}): KubernetesObject => ({
  apiVersion: "v1",
  kind,
  metadata: {
    name,
    namespace: "shop",
    uid: `uid-${kind}-${name}`,
    resourceVersion: "1",
    ...(owner === undefined
      ? {}
      : {
          ownerReferences: [
            {
              apiVersion: apiVersions[owner[0]] ?? "v1",
              kind: owner[0].replace(/^Advanced/, ""),
              name: owner[1],
              uid: `uid-${owner[0]}-${owner[1]}`,
              controller: true
            }
          ]
        })
  },
  ...rest
})

const ref = (kind: string, name: string): ResourceRef => ({ namespace: "shop", kind, name })

/** A cluster that supports reads only, and records them. */
const countingCluster = (initial: ReadonlyArray<KubernetesObject>) => {
  const objects = new Map(initial.map((each) => [`${each.kind}/${each.metadata.name}`, each]))
  const requests: Array<string> = []
  let broken = false
  const breakLists = () => {
    broken = true
  }
  const layer = Layer.succeed(
    KubernetesClient,
    KubernetesClient.of({
      get: ({ kind, name }) =>
        Effect.suspend(() => {
          requests.push(`get ${kind}`)
          const found = objects.get(`${kind}/${name}`)
          return found === undefined
            ? Effect.fail(
                new KubernetesError({
                  reason: { _tag: "NotFound" },
                  operation: `get ${kind} ${name}`,
                  applied: "no",
                  retryable: false
                })
              )
            : Effect.succeed(found)
        }),
      list: (kind: string, _options: ListOptions) =>
        Effect.gen(function* () {
          requests.push(`list ${kind}`)
          // Other callers may make requests while the list is in progress.
          yield* Effect.yieldNow
          if (broken)
            return yield* new KubernetesError({
              reason: { _tag: "Unavailable" },
              operation: `list ${kind}`,
              applied: "no",
              retryable: true
            })
          return [...objects.values()].filter((each) => each.kind === kind)
        }),
      apply: () => Effect.die("unexpected request"),
      logs: () => Effect.die("unexpected request"),
      watch: () => Stream.die("unexpected request"),
      probe: Effect.void
    })
  )
  return {
    objects,
    requests,
    breakLists,
    layer: (options: OwnerResolver.OwnerResolverOptions = {}) => OwnerResolver.layer(options).pipe(Layer.provide(layer))
  }
}

const crashedPods = (count: number, deployments: ReadonlyArray<string>) =>
  deployments.flatMap((deployment) => [
    object("ReplicaSet", `${deployment}-7d9f`, ["Deployment", deployment]),
    ...Array.from({ length: count }, (_, index) =>
      object("Pod", `${deployment}-7d9f-${index}`, ["ReplicaSet", `${deployment}-7d9f`])
    )
  ])

describe("OwnerResolver", () => {
  it.effect("resolves the first of several objects that exists, and reads each of them", () => {
    const cluster = countingCluster([
      ...crashedPods(1, ["checkout"]),
      object("Deployment", "checkout"),
      object("StatefulSet", "db", ["PostgresCluster", "orders"])
    ])
    return Effect.gen(function* () {
      const { resolveFirst } = yield* OwnerResolver.OwnerResolver
      const missing = ref("Deployment", "production")
      const pod = ref("Pod", "checkout-7d9f-0")
      assert.deepStrictEqual(yield* resolveFirst([missing, pod]), ref("Deployment", "checkout"))
      assert.deepStrictEqual(yield* resolveFirst([ref("StatefulSet", "db"), pod]), ref("StatefulSet", "db"))
      assert.deepStrictEqual(yield* resolveFirst([pod, missing]), ref("Deployment", "checkout"))
      const error = yield* Effect.flip(resolveFirst([missing, ref("Pod", "gone")]))
      assert.strictEqual(error.reason._tag, "NotFound")
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("does not take an object for missing whose read fails", () => {
    const cluster = countingCluster([object("Pod", "alone")])
    return Effect.gen(function* () {
      const { resolveFirst } = yield* OwnerResolver.OwnerResolver
      cluster.breakLists()
      const error = yield* Effect.flip(resolveFirst([ref("Deployment", "checkout"), ref("Pod", "alone")]))
      assert.strictEqual(error.reason._tag, "Unavailable")
    }).pipe(Effect.provide(cluster.layer({ singleReads: 0 })))
  })

  it.effect("follows controllers up to the object that an action can change", () => {
    const cluster = countingCluster([
      ...crashedPods(1, ["checkout"]),
      object("Pod", "db-0", ["StatefulSet", "db"]),
      object("StatefulSet", "db", ["PostgresCluster", "orders"]),
      object("Pod", "proxy-x", ["DaemonSet", "proxy"]),
      object("Pod", "report-1-x", ["Job", "report-1"]),
      object("Job", "report-1", ["CronJob", "report"]),
      object("Job", "once"),
      object("Pod", "alone"),
      object("Pod", "kube-apiserver-node-1", ["Node", "node-1"]),
      object("Pod", "canary-x", ["ReplicaSet", "canary"]),
      object("ReplicaSet", "canary", ["Rollout", "canary"]),
      object("Pod", "orders-0", ["AdvancedStatefulSet", "orders"]),
      object("StatefulSet", "orders"),
      object("Pod", "legacy-x", ["ReplicationController", "legacy"]),
      object("HorizontalPodAutoscaler", "search", undefined, {
        spec: { scaleTargetRef: { kind: "Deployment", name: "search-api" }, maxReplicas: 5 }
      })
    ])
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      const roots: ReadonlyArray<readonly [ResourceRef, ResourceRef]> = [
        [ref("Pod", "checkout-7d9f-0"), ref("Deployment", "checkout")],
        [ref("ReplicaSet", "checkout-7d9f"), ref("Deployment", "checkout")],
        [ref("Deployment", "checkout"), ref("Deployment", "checkout")],
        [ref("Pod", "db-0"), ref("StatefulSet", "db")],
        [ref("Pod", "proxy-x"), ref("DaemonSet", "proxy")],
        [ref("Pod", "report-1-x"), ref("CronJob", "report")],
        [ref("Job", "once"), ref("Job", "once")],
        [ref("Pod", "alone"), ref("Pod", "alone")],
        [ref("Pod", "kube-apiserver-node-1"), ref("Pod", "kube-apiserver-node-1")],
        [ref("Pod", "canary-x"), ref("ReplicaSet", "canary")],
        [ref("Pod", "orders-0"), ref("Pod", "orders-0")],
        [ref("Pod", "legacy-x"), ref("Pod", "legacy-x")],
        [ref("HorizontalPodAutoscaler", "search"), ref("Deployment", "search-api")],
        [ref("PersistentVolumeClaim", "data"), ref("PersistentVolumeClaim", "data")],
        [ref("Node", "node-1"), ref("Node", "node-1")]
      ]
      for (const [from, root] of roots) assert.deepStrictEqual(yield* resolve(from), root)
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect(
    "resolves ten thousand pods of one Deployment with four reads, one list, and one read of their ReplicaSet",
    () => {
      const cluster = countingCluster(crashedPods(10_000, ["checkout"]))
      return Effect.gen(function* () {
        const { resolve } = yield* OwnerResolver.OwnerResolver
        const roots = yield* Effect.forEach(
          Array.from({ length: 10_000 }, (_, index) => ref("Pod", `checkout-7d9f-${index}`)),
          resolve,
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual([...new Set(roots.map((root) => `${root.kind}/${root.name}`))], ["Deployment/checkout"])
        assert.deepStrictEqual(cluster.requests.toSorted(), [
          "get Pod",
          "get Pod",
          "get Pod",
          "get Pod",
          "get ReplicaSet",
          "list Pod"
        ])
      }).pipe(Effect.provide(cluster.layer()))
    }
  )

  it.effect("reads a single pod of a large namespace without a list", () => {
    const cluster = countingCluster(crashedPods(10_000, ["checkout"]))
    return Effect.gen(function* () {
      yield* (yield* OwnerResolver.OwnerResolver).resolve(ref("Pod", "checkout-7d9f-17"))
      assert.deepStrictEqual(cluster.requests, ["get Pod", "get ReplicaSet"])
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("never confuses two Deployments with a common prefix, whether their pods are read or listed", () => {
    const cluster = countingCluster(crashedPods(20, ["checkout", "checkout-7d9f", "checkout-api"]))
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      for (const deployment of ["checkout", "checkout-7d9f", "checkout-api"]) {
        for (let index = 0; index < 20; index++) {
          assert.deepStrictEqual(
            yield* resolve(ref("Pod", `${deployment}-7d9f-${index}`)),
            ref("Deployment", deployment)
          )
        }
      }
      assert.include(cluster.requests, "list Pod")
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("fails with NotFound for absent pods, and makes one list per interval for any number of them", () => {
    const cluster = countingCluster(crashedPods(5, ["checkout"]))
    const resolveAbsent = (name: string) =>
      Effect.flatMap(OwnerResolver.OwnerResolver, ({ resolve }) => Effect.flip(resolve(ref("Pod", name))))
    return Effect.gen(function* () {
      for (let index = 0; index < 100; index++)
        assert.strictEqual((yield* resolveAbsent(`gone-${index}`)).reason._tag, "NotFound")
      assert.lengthOf(
        cluster.requests.filter((each) => each === "list Pod"),
        1
      )
      assert.lengthOf(cluster.requests, 5)
      yield* TestClock.adjust("10 seconds")
      for (let index = 0; index < 100; index++) yield* resolveAbsent(`gone-${index}`)
      assert.lengthOf(
        cluster.requests.filter((each) => each === "list Pod"),
        2
      )
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("reads an object again after the interval, because its owner may have changed", () => {
    const cluster = countingCluster([object("Pod", "db-0", ["StatefulSet", "db"])])
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      assert.deepStrictEqual(yield* resolve(ref("Pod", "db-0")), ref("StatefulSet", "db"))
      cluster.objects.set("Pod/db-0", object("Pod", "db-0"))
      assert.deepStrictEqual(yield* resolve(ref("Pod", "db-0")), ref("StatefulSet", "db"))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* resolve(ref("Pod", "db-0")), ref("Pod", "db-0"))
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("reads an object again exactly after the interval, even if the wall clock is set meanwhile", () => {
    const cluster = countingCluster([object("Pod", "db-0")])
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      yield* eitherWay((jump) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("10 seconds")
          yield* resolve(ref("Pod", "db-0"))
          const before = cluster.requests.length
          yield* jump
          yield* TestClock.adjust("9 seconds")
          yield* resolve(ref("Pod", "db-0"))
          assert.lengthOf(cluster.requests, before)
          yield* TestClock.adjust("1 second")
          yield* resolve(ref("Pod", "db-0"))
          assert.lengthOf(cluster.requests, before + 1)
        })
      )
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("remembers a limited number of namespaces, and forgets the least recently used", () => {
    const cluster = countingCluster([object("Pod", "alone")])
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      const inNamespace = (namespace: string) => resolve({ namespace, kind: "Pod", name: "alone" })
      yield* inNamespace("a")
      yield* inNamespace("b")
      yield* inNamespace("a")
      assert.lengthOf(cluster.requests, 2)
      yield* inNamespace("c")
      yield* inNamespace("a")
      assert.lengthOf(cluster.requests, 3, "a was used last and is still known")
      yield* inNamespace("b")
      assert.lengthOf(cluster.requests, 4, "b was forgotten")
    }).pipe(Effect.provide(cluster.layer({ namespaces: 2 })))
  })

  it.effect("fails all callers that wait for a failing list, without a list for each of them", () => {
    const cluster = countingCluster([])
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      cluster.breakLists()
      const errors = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, index) => ref("Pod", `checkout-${index}`)),
        (each) => Effect.flip(resolve(each)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(errors.filter((error) => error.reason._tag === "Unavailable").length, 46)
      assert.lengthOf(
        cluster.requests.filter((each) => each === "list Pod"),
        1
      )
    }).pipe(Effect.provide(cluster.layer()))
  })

  it.effect("lists again for a waiting caller when the list is interrupted", () => {
    const cluster = countingCluster(crashedPods(10, ["checkout"]))
    return Effect.gen(function* () {
      const { resolve } = yield* OwnerResolver.OwnerResolver
      const first = yield* Effect.forkChild(resolve(ref("Pod", "checkout-7d9f-0")), { startImmediately: true })
      const second = yield* Effect.forkChild(resolve(ref("Pod", "checkout-7d9f-1")), { startImmediately: true })
      yield* Fiber.interrupt(first)
      assert.deepStrictEqual(yield* Fiber.join(second), ref("Deployment", "checkout"))
      assert.deepStrictEqual(cluster.requests, ["list Pod", "list Pod", "list ReplicaSet"])
    }).pipe(Effect.provide(cluster.layer({ singleReads: 0 })))
  })

  it("ignores an owner that does not control the object", () => {
    const helped: KubernetesObject = {
      ...object("Pod", "x"),
      metadata: {
        ...object("Pod", "x").metadata,
        ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "c", uid: "u" }]
      }
    }
    assert.isUndefined(OwnerResolver.ownerOf(helped))
  })
})
