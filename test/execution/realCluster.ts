/** Objects and actions on a real API server. */

import { assert } from "@effect/vitest"
import { Clock, Effect, Layer, Schedule } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as Executor from "../../src/execution/Executor.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import type { Pod } from "../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as Verifier from "../../src/verification/Verifier.ts"

/** A namespace of this run, so that several runs can use one control plane. */
export const namespace = `execution-${Effect.runSync(Clock.currentTimeNanos).toString(36)}`
const clusterScoped = new Set(["Node", "StorageClass", "PersistentVolume", "Namespace"])
export const on = (kind: string, name: string): ResourceRef => ({
  namespace: clusterScoped.has(kind) ? "" : namespace,
  kind,
  name
})

type Json = Extract<Change, { _tag: "Create" }>["manifest"]

export const create = (kind: string, name: string, apiVersion: string, rest: Json, metadata: Json = {}) =>
  Effect.flatMap(KubernetesClient, (client) =>
    client.apply({
      _tag: "Create",
      ref: on(kind, name),
      manifest: { apiVersion, kind, metadata: { name, ...metadata }, ...rest }
    })
  )

/** Creates the namespace. The API server refuses pods until it has its ServiceAccount. */
export const openNamespace = Effect.gen(function* () {
  yield* create("Namespace", namespace, "v1", {})
  yield* create("Pod", "first", "v1", {
    spec: { containers: [{ name: "main", image: "registry.example/app:v1" }] }
  }).pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
})

export const template = (name: string, tag = "v1", annotations: Json = {}, memory = "128Mi"): Json => ({
  metadata: { labels: { app: name, tier: "web" }, annotations },
  spec: {
    containers: [
      { name: "main", image: `registry.example/app:${tag}`, resources: { limits: { memory } } },
      { name: "proxy", image: "registry.example/proxy:v1" }
    ]
  }
})

export const deploy = (name: string, replicas = 2, podTemplate = template(name)) =>
  Effect.gen(function* () {
    yield* create("Deployment", name, "apps/v1", {
      spec: { replicas, selector: { matchLabels: { app: name } }, template: podTemplate }
    })
    yield* create("Service", name, "v1", { spec: { selector: { app: name }, ports: [{ port: 80 }] } })
    yield* eventually(
      `${name} is ready`,
      readWorkload(on("Deployment", name)),
      (state) => state.readyReplicas === replicas && state.endpoints === replicas
    )
  })

export const eventually = <A, E, R>(
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

export const get = (ref: ResourceRef) => Effect.flatMap(KubernetesClient, (client) => client.get(ref))
export const podsOf = (app: string) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(client.list("Pod", { namespace, labelSelector: { app } }), (pods) =>
      (pods as ReadonlyArray<Pod>).filter((pod) => pod.metadata.deletionTimestamp === undefined)
    )
  )

export const plan = (action: Action, target: ResourceRef, executionId: string, approved = false) =>
  Effect.flatMap(Executor.Executor, (executor) => {
    const input = { action, target: { cluster: "real", ...target }, remediationId: "r", executionId, epoch: 1 }
    // An approval of everything that the plan asks.
    return approved ? Effect.map(executor.draft(input), ({ intent }) => intent) : executor.plan(input)
  })

/** Plans and carries out. Plans again after a conflict, as the remediation does, because a status may change meanwhile. */
export const act = (action: Action, target: ResourceRef, executionId: string, approved = false) =>
  Effect.gen(function* () {
    const executor = yield* Executor.Executor
    for (let attempt = 1; attempt <= 5; attempt++) {
      const intent = yield* plan(action, target, `${executionId}-${attempt}`, approved)
      const outcome = yield* executor.execute(intent, { holds: Effect.succeed(true) })
      if (outcome.failure === "conflict" && outcome.applied === "no") continue
      assert.deepStrictEqual(
        [outcome.applied, outcome.failure],
        ["yes", undefined],
        `${executionId}: ${outcome.message}`
      )
      return intent
    }
    return assert.fail("five conflicts")
  })

export const verified = (intent: Intent, target: ResourceRef) =>
  Effect.flatMap(Verifier.Verifier, (verifier) =>
    verifier.verify({
      intent,
      target: { cluster: "real", ...target },
      actedAt: intent.plannedAt,
      // The alert has ended, so the verdict depends on the target.
      posts: Effect.succeed({ resolvedAt: intent.plannedAt })
    })
  )

export const undo = (intent: Intent) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.forEach(
      intent.inverse._tag === "Exact" || intent.inverse._tag === "Partial" ? intent.inverse.changes : [],
      (change) => client.apply(change)
    )
  )

/** Carries out an action and its inverse, and checks that this restores the part of the object exactly. */
export const undoRestores = (
  ref: ResourceRef,
  part: (object: KubernetesObject) => unknown,
  action: Action,
  target: ResourceRef,
  executionId: string,
  approved = false
) =>
  Effect.gen(function* () {
    const before = part(yield* get(ref))
    const intent = yield* act(action, target, executionId, approved)
    assert.notDeepEqual(part(yield* get(ref)), before)
    yield* undo(intent)
    assert.deepStrictEqual(part(yield* get(ref)), before)
    return intent
  })

export const specOf = (object: KubernetesObject): unknown => object["spec"]

export const services = (kubeconfig: string) =>
  Layer.mergeAll(
    Executor.layer(),
    Verifier.layer({ stabilisation: "1 second", settleTimeout: "30 seconds", pollIntervalCap: "300 millis" })
  ).pipe(Layer.provideMerge(Layer.orDie(ClientNode.layer({ kubeconfig }))))

export const createAutoscaler = (name: string, maxReplicas: number) =>
  create("HorizontalPodAutoscaler", name, "autoscaling/v2", {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      maxReplicas,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } }
      ]
    }
  })

export const createCronJob = (name: string) =>
  create("CronJob", name, "batch/v1", {
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

/** A bound claim of 1 Gi, whose StorageClass does not allow volume expansion. */
export const createClaim = Effect.fnUntraced(function* (name: string) {
  yield* create("PersistentVolume", `${namespace}-${name}`, "v1", {
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
  yield* create("PersistentVolumeClaim", name, "v1", {
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: namespace,
      volumeName: `${namespace}-${name}`,
      resources: { requests: { storage: "1Gi" } }
    }
  })
  yield* eventually(
    "the claim is bound",
    get(on("PersistentVolumeClaim", name)),
    (object) => (object["status"] as { phase?: string }).phase === "Bound"
  )
})

/** A budget that allows no disruption of a Deployment with one replica. */
export const createBudget = Effect.fnUntraced(function* (name: string) {
  yield* create("PodDisruptionBudget", name, "policy/v1", {
    spec: { minAvailable: 1, selector: { matchLabels: { app: name } } }
  })
  yield* eventually(
    "the budget is computed",
    get(on("PodDisruptionBudget", name)),
    (object) => (object["status"] as { expectedPods?: number }).expectedPods === 1
  )
})
