/**
 * The executor and its inverses against a real API server: defaulting, pruning, conditional patches and dry runs are as
 * the server has them, not as the sandbox or a plan thinks.
 */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Alert } from "../../src/domain/Alert.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Executor from "../../src/execution/Executor.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Deployment, Pod } from "../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"

const plane = await controlPlane()
afterAll(plane.stop)

// A namespace of this run, so that a control plane can be used again.
const namespace = `execution-${process.hrtime.bigint().toString(36)}`
const on = (kind: string, name: string): ResourceRef => ({
  namespace:
    kind === "Node" || kind === "StorageClass" || kind === "PersistentVolume" || kind === "Namespace" ? "" : namespace,
  kind,
  name
})

type Json = Extract<Change, { _tag: "Create" }>["manifest"]

const alert: Alert = {
  fingerprint: "f",
  name: "Test",
  severity: "critical",
  labels: {},
  annotations: {},
  startsAt: "2026-11-24T03:00:00.000Z"
}

const create = (kind: string, name: string, apiVersion: string, rest: Json, metadata: Json = {}) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Create",
      ref: on(kind, name),
      manifest: { apiVersion, kind, metadata: { name, ...metadata }, ...rest }
    })
  )

const template = (name: string, tag = "v1", annotations: Json = {}, memory = "128Mi"): Json => ({
  metadata: { labels: { app: name, tier: "web" }, annotations },
  spec: {
    containers: [
      { name: "main", image: `registry.example/app:${tag}`, resources: { limits: { memory } } },
      { name: "proxy", image: "registry.example/proxy:v1" }
    ]
  }
})

const deploy = (name: string, replicas = 2, made = template(name)) =>
  Effect.gen(function* () {
    yield* create("Deployment", name, "apps/v1", {
      spec: { replicas, selector: { matchLabels: { app: name } }, template: made }
    })
    yield* create("Service", name, "v1", { spec: { selector: { app: name }, ports: [{ port: 80 }] } })
    yield* eventually(
      `${name} is ready`,
      readWorkload(on("Deployment", name)),
      (state) => state.readyReplicas === replicas && state.endpoints === replicas
    )
  })

const eventually = <A, E, R>(
  what: string,
  read: Effect.Effect<A, E, R>,
  satisfied: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < 300; attempt++) {
      const value = yield* read
      if (satisfied(value)) return value
      yield* Effect.sleep("100 millis")
    }
    return assert.fail(`${what} did not happen`)
  })

const get = (ref: ResourceRef) => Effect.flatMap(KubernetesClient, (client) => client.get(ref))
const podsOf = (app: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(client.list("Pod", { namespace, labelSelector: { app } }), (pods) =>
      (pods as ReadonlyArray<Pod>).filter((pod) => pod.metadata.deletionTimestamp === undefined)
    )
  )

const plan = (action: Action, target: ResourceRef, executionId: string, approved = false) =>
  Effect.flatMap(Executor.Executor, (executor) =>
    executor.plan({
      action,
      target: { cluster: "real", ...target },
      remediationId: "r",
      executionId,
      epoch: 1,
      approved
    })
  )

/** Plans and carries out; an object whose status moves meanwhile is planned anew, as the flow does. */
const act = (action: Action, target: ResourceRef, executionId: string, approved = false) =>
  Effect.gen(function* () {
    const executor = yield* Executor.Executor
    for (let attempt = 1; attempt <= 5; attempt++) {
      const intent = yield* plan(action, target, `${executionId}-${attempt}`, approved)
      const outcome = yield* executor.execute(intent, { holds: Effect.succeed(true) })
      if (outcome.failure === "conflict" && outcome.applied === "no") continue
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined], outcome.message)
      return intent
    }
    return assert.fail("five conflicts")
  })

const verified = (intent: Intent, target: ResourceRef) =>
  Effect.flatMap(Verifier.Verifier, (verifier) =>
    verifier.verify({ intent, alert, target: { cluster: "real", ...target }, alertResolved: Effect.succeed(false) })
  )

const undo = (intent: Intent) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.forEach(
      intent.inverse._tag === "Exact" || intent.inverse._tag === "Partial" ? intent.inverse.changes : [],
      (change) => client.apply(change)
    )
  )

/** The spec as the server has it, and whether the inverse brings it back to the letter. */
const undoRestores = (
  ref: ResourceRef,
  part: (object: KubernetesObject) => unknown,
  action: Action,
  target: ResourceRef,
  executionId: string
) =>
  Effect.gen(function* () {
    const before = part(yield* get(ref))
    const intent = yield* act(action, target, executionId)
    assert.notDeepEqual(part(yield* get(ref)), before)
    yield* undo(intent)
    assert.deepStrictEqual(part(yield* get(ref)), before)
    return intent
  })

const specOf = (object: KubernetesObject): unknown => object["spec"]
const services = Layer.mergeAll(
  Executor.layer(),
  Verifier.layer({ stabilisation: "1 second", settleTimeout: "30 seconds", pollIntervalCap: "300 millis" })
).pipe(Layer.provideMerge(Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig }))))

describe.skipIf(!plane.available)(`Executor on a real control plane${plane.note}`, () => {
  shareLayer(services, { excludeTestServices: true })((it) => {
    it.effect("begins with a namespace in which pods can be made", () =>
      Effect.gen(function* () {
        yield* create("Namespace", namespace, "v1", {})
        // Pods are refused until the namespace has its ServiceAccount.
        yield* create("Pod", "first", "v1", {
          spec: { containers: [{ name: "main", image: "registry.example/app:v1" }] }
        }).pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
      })
    )

    it.effect(
      "undoes a bad rollout, finds its own write again, and verifies it",
      () =>
        Effect.gen(function* () {
          yield* deploy("checkout", 3)
          const checkout = on("Deployment", "checkout")
          const client = yield* KubernetesClient
          yield* client.apply({
            _tag: "Patch",
            ref: checkout,
            patch: [
              { op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/app:bad-2" }
            ]
          })
          yield* eventually(
            "the rollout fails",
            readWorkload(checkout),
            (state) => state.revision === 2 && state.pods.some((pod) => pod.reason === "CrashLoopBackOff")
          )
          const intent = yield* act({ type: "RollbackDeployment", target: checkout }, checkout, "rollback")
          const executor = yield* Executor.Executor
          const generation = (yield* get(checkout)).metadata.generation
          assert.strictEqual((yield* executor.execute(intent, { holds: Effect.succeed(true) })).applied, "yes")
          assert.strictEqual((yield* get(checkout)).metadata.generation, generation, "a second run writes nothing")
          assert.strictEqual(
            ((yield* get(checkout)) as Deployment).spec.template.spec.containers[0]?.image,
            "registry.example/app:v1"
          )
          const verification = yield* verified(intent, checkout)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.strictEqual(
            (yield* plan(
              { type: "RollbackDeployment", target: checkout, toRevision: verification.observed!.revision! },
              checkout,
              "again"
            )).changes.length,
            0,
            "the template of the present revision is already there"
          )
          yield* undo(intent)
          assert.strictEqual(
            ((yield* get(checkout)) as Deployment).spec.template.spec.containers[0]?.image,
            "registry.example/app:bad-2"
          )
        }),
      60_000
    )

    it.effect(
      "restarts, and verifies that other pods serve",
      () =>
        Effect.gen(function* () {
          yield* deploy("restarted")
          const target = on("Deployment", "restarted")
          const before = new Set((yield* podsOf("restarted")).map((pod) => pod.metadata.uid))
          const verification = yield* verified(
            yield* act({ type: "RestartWorkload", target }, target, "restart"),
            target
          )
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.isEmpty(verification.observed!.pods.filter((pod) => before.has(pod.uid)))
        }),
      60_000
    )

    it.effect(
      "raises the memory of what is killed at its limit, verifies it, and puts absent fields back as they were",
      () =>
        Effect.gen(function* () {
          const memory = template("cart", "v1", { "sim/memory-need": "300Mi" }, "256Mi")
          yield* create("Deployment", "cart", "apps/v1", {
            spec: { replicas: 1, selector: { matchLabels: { app: "cart" } }, template: memory }
          })
          const cart = on("Deployment", "cart")
          yield* eventually("cart is killed", readWorkload(cart), (state) =>
            state.pods.some((pod) => pod.reason === "OOMKilled")
          )
          const intent = yield* act(
            { type: "AdjustResources", target: cart, container: "main", limits: { memory: "512Mi" } },
            cart,
            "memory"
          )
          const verification = yield* verified(intent, cart)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))

          const resources = (object: KubernetesObject) =>
            (object as Deployment).spec.template.spec.containers.map((container) => container.resources)
          yield* undoRestores(
            cart,
            resources,
            {
              type: "AdjustResources",
              target: cart,
              container: "proxy",
              requests: { cpu: "20m" },
              limits: { memory: "1024Mi" }
            },
            cart,
            "absent"
          )
        }),
      60_000
    )

    it.effect(
      "verifies a quantity that the server writes in other words",
      () =>
        Effect.gen(function* () {
          yield* deploy("canonical", 1)
          const target = on("Deployment", "canonical")
          const verification = yield* verified(
            yield* act(
              { type: "AdjustResources", target, container: "proxy", limits: { memory: "1024Mi", cpu: "1000m" } },
              target,
              "canonical"
            ),
            target
          )
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
        }),
      60_000
    )

    it.effect("scales, and back", () =>
      Effect.gen(function* () {
        yield* deploy("scaled")
        const target = on("Deployment", "scaled")
        yield* undoRestores(target, specOf, { type: "ScaleWorkload", target, replicas: 3 }, target, "scale")
      })
    )

    it.effect("sets an autoscaler's bounds, and back", () =>
      Effect.gen(function* () {
        yield* deploy("searched")
        const target = on("Deployment", "searched")
        const autoscaler = on("HorizontalPodAutoscaler", "searched")
        yield* create("HorizontalPodAutoscaler", "searched", "autoscaling/v2", {
          spec: {
            scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "searched" },
            maxReplicas: 4,
            metrics: [
              { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } }
            ]
          }
        })
        yield* undoRestores(
          autoscaler,
          specOf,
          { type: "PatchHpa", target: autoscaler, minReplicas: 2, maxReplicas: 6 },
          target,
          "hpa"
        )
        const refused = yield* Effect.flip(plan({ type: "ScaleWorkload", target, replicas: 3 }, target, "scale-hpa"))
        assert.strictEqual(refused._tag === "PlanRefused" ? refused.rule : refused._tag, "autoscaler-owned")
      })
    )

    it.effect(
      "cordons and uncordons, and back",
      () =>
        Effect.gen(function* () {
          const client = yield* KubernetesClient
          const [object] = yield* client.list("Node", {})
          const node = on("Node", object!.metadata.name)
          // The server puts a taint beside the mark and takes it away again on its own; the mark is what is ours.
          const mark = (object: KubernetesObject) =>
            (object["spec"] as { readonly unschedulable?: boolean }).unschedulable
          yield* undoRestores(node, mark, { type: "CordonNode", target: node }, node, "cordon")
          const cordoned = yield* act({ type: "CordonNode", target: node }, node, "cordon-again")
          const verification = yield* verified(cordoned, node)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          yield* undoRestores(node, mark, { type: "UncordonNode", target: node }, node, "uncordon")
          yield* undo(cordoned)
        }),
      60_000
    )

    it.effect("suspends a CronJob, and back", () =>
      Effect.gen(function* () {
        const cronJob = on("CronJob", "report")
        yield* create("CronJob", "report", "batch/v1", {
          spec: {
            schedule: "0 0 1 1 *",
            jobTemplate: {
              spec: {
                template: {
                  spec: { restartPolicy: "Never", containers: [{ name: "main", image: "registry.example/app:v1" }] }
                }
              }
            }
          }
        })
        const intent = yield* undoRestores(
          cronJob,
          specOf,
          { type: "SuspendCronJob", target: cronJob },
          cronJob,
          "suspend"
        )
        assert.strictEqual(intent.inverse._tag, "Exact")
        const verification = yield* verified(
          yield* act({ type: "SuspendCronJob", target: cronJob }, cronJob, "suspend-again"),
          cronJob
        )
        assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
      })
    )

    it.effect(
      "evicts one pod and verifies its replacement",
      () =>
        Effect.gen(function* () {
          yield* deploy("evicted")
          const target = on("Deployment", "evicted")
          const [pod] = yield* podsOf("evicted")
          const verification = yield* verified(
            yield* act({ type: "EvictPod", target: on("Pod", pod!.metadata.name) }, target, "evict"),
            target
          )
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.notInclude(
            verification.observed!.pods.map(({ uid }) => uid),
            pod!.metadata.uid
          )
        }),
      60_000
    )

    it.effect(
      "waits for a disruption budget and gives up by name",
      () =>
        Effect.gen(function* () {
          yield* deploy("guarded", 1)
          yield* create("PodDisruptionBudget", "guarded", "policy/v1", {
            spec: { minAvailable: 1, selector: { matchLabels: { app: "guarded" } } }
          })
          yield* eventually(
            "the budget is computed",
            get(on("PodDisruptionBudget", "guarded")),
            (object) => (object["status"] as { expectedPods?: number }).expectedPods === 1
          )
          const [pod] = yield* podsOf("guarded")
          const intent = yield* plan(
            { type: "EvictPod", target: on("Pod", pod!.metadata.name) },
            on("Deployment", "guarded"),
            "guarded"
          )
          const client = yield* KubernetesClient
          const outcome = yield* Effect.flatMap(Executor.Executor, (executor) =>
            executor.execute(intent, { holds: Effect.succeed(true) })
          ).pipe(
            Effect.provide(
              Executor.layer({ evictionInterval: "200 millis", evictionDeadline: "1 second" }).pipe(
                Layer.provide(Layer.succeed(KubernetesClient, client))
              )
            )
          )
          assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "disruption-budget"])
          // It would hold up the drain of the node below.
          const { metadata } = yield* get(on("PodDisruptionBudget", "guarded"))
          yield* client.apply({ _tag: "Delete", ref: on("PodDisruptionBudget", "guarded"), uid: metadata.uid })
        }),
      60_000
    )

    it.effect(
      "quarantines a pod: out of its Service, replaced by its owner, and kept",
      () =>
        Effect.gen(function* () {
          yield* deploy("quarantined")
          const target = on("Deployment", "quarantined")
          const [pod] = yield* podsOf("quarantined")
          const intent = yield* act(
            { type: "QuarantinePod", target: on("Pod", pod!.metadata.name) },
            target,
            "quarantine"
          )
          const verification = yield* verified(intent, target)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          const kept = yield* get(on("Pod", pod!.metadata.name))
          assert.deepInclude(kept.metadata.labels, { tier: "web", "kubernaut.dev/quarantine": "true" })
          assert.doesNotHaveAnyKeys(kept.metadata.labels, ["app", "pod-template-hash"])
          assert.strictEqual(kept.metadata.uid, pod!.metadata.uid)
          assert.isUndefined(kept.metadata.ownerReferences, "its owner let it go")
        }),
      60_000
    )

    it.effect(
      "is refused by name for a volume whose class does not let it grow",
      () =>
        Effect.gen(function* () {
          const claim = on("PersistentVolumeClaim", "data")
          yield* create("PersistentVolume", `${namespace}-data`, "v1", {
            spec: {
              capacity: { storage: "1Gi" },
              accessModes: ["ReadWriteOnce"],
              hostPath: { path: "/tmp/none" },
              storageClassName: namespace
            }
          })
          yield* create("StorageClass", namespace, "storage.k8s.io/v1", {
            provisioner: "none.example",
            allowVolumeExpansion: false
          })
          yield* create("PersistentVolumeClaim", "data", "v1", {
            spec: {
              accessModes: ["ReadWriteOnce"],
              storageClassName: namespace,
              volumeName: `${namespace}-data`,
              resources: { requests: { storage: "1Gi" } }
            }
          })
          yield* eventually(
            "the claim is bound",
            get(claim),
            (object) => (object["status"] as { phase?: string }).phase === "Bound"
          )
          const grow = (size: string) => plan({ type: "ExpandVolume", target: claim, size }, claim, "expand", true)
          const refused = yield* Effect.flip(grow("2Gi"))
          assert.strictEqual(refused._tag === "PlanRefused" ? refused.rule : refused._tag, "volume-not-expandable")
          const client = yield* KubernetesClient
          yield* client.apply({
            _tag: "Patch",
            ref: on("StorageClass", namespace),
            patch: [{ op: "replace", path: "/allowVolumeExpansion", value: true }]
          })
          const intent = yield* act({ type: "ExpandVolume", target: claim, size: "2Gi" }, claim, "expand", true)
          assert.strictEqual(intent.inverse._tag, "Irreversible")
          // Nothing here makes the disk larger, and the verdict must not believe the spec.
          const verification = yield* verified(intent, claim).pipe(
            Effect.provide(
              Verifier.layer({ settleTimeout: "2 seconds" }).pipe(
                Layer.provide(Layer.succeed(KubernetesClient, client))
              )
            )
          )
          assert.strictEqual(verification.verdict, "not-fixed", verification.reasons.join("; "))
        }),
      90_000
    )

    it.effect(
      "drains a node: nothing of ours is left on it, and other nodes have it",
      () =>
        Effect.gen(function* () {
          yield* deploy("drained", 4)
          const target = on("Deployment", "drained")
          const nodeName = (yield* podsOf("drained"))[0]!.spec.nodeName!
          const node = on("Node", nodeName)
          const intent = yield* act({ type: "DrainNode", target: node }, node, "drain", true)
          assert.strictEqual(intent.inverse._tag, "Partial")
          yield* eventually("the pods are ready elsewhere", readWorkload(target), (state) => state.readyReplicas === 4)
          assert.notInclude(
            (yield* podsOf("drained")).map((pod) => pod.spec.nodeName),
            nodeName
          )
          yield* undo(intent)
        }),
      90_000
    )

    it.effect("writes nothing over a change that came after the plan, and nothing in a dry run", () =>
      Effect.gen(function* () {
        yield* deploy("raced", 1)
        const target = on("Deployment", "raced")
        const intent = yield* plan({ type: "RestartWorkload", target }, target, "raced")
        const planned = yield* get(target)
        const client = yield* KubernetesClient
        yield* client.apply({
          _tag: "Patch",
          ref: target,
          patch: [{ op: "add", path: "/metadata/labels", value: { touched: "yes" } }]
        })
        const outcome = yield* Effect.flatMap(Executor.Executor, (executor) =>
          executor.execute(intent, { holds: Effect.succeed(true) })
        )
        assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "conflict"])
        assert.deepStrictEqual(specOf(yield* get(target)), specOf(planned))
      })
    )
  })
})
