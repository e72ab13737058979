import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { readObjects } from "../../src/execution/ActionObjects.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { layer, script } from "./faults.ts"

const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })

const read = (action: Action) => Effect.flatMap(KubernetesClient, (client) => readObjects(client, action))
const related = (action: Action) =>
  Effect.map(read(action), (objects) => objects.related.map((object) => `${object.kind} ${object.metadata.name}`))

describe("readObjects", () => {
  it.effect("reads the autoscalers for a scale", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* related({ type: "ScaleWorkload", target: on("Deployment", "search"), replicas: 9 }),
        ["HorizontalPodAutoscaler search", "Namespace shop"]
      )
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("reads only the Deployment's own revisions for a rollback", () =>
    Effect.gen(function* () {
      const { related } = yield* read({ type: "RollbackDeployment", target: on("Deployment", "checkout") })
      const revisions = related.filter(({ kind }) => kind === "ReplicaSet")
      assert.sameMembers(
        revisions.map((object) => object.metadata.annotations?.["deployment.kubernetes.io/revision"]),
        ["1", "2", "3"]
      )
      for (const replicaSet of revisions) assert.strictEqual(replicaSet.metadata.labels?.["app"], "checkout")
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("reads the StorageClass for a volume expansion", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* related({ type: "ExpandVolume", target: on("PersistentVolumeClaim", "data-orders-db-0"), size: "20Gi" }),
        ["StorageClass standard", "Namespace shop"]
      )
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("reads the pod's owner and the Services of its namespace for a quarantine", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const [pod] = yield* client.list("Pod", { namespace: "shop", labelSelector: { app: "catalog" } })
      const found = yield* related({ type: "QuarantinePod", target: on("Pod", pod!.metadata.name) })
      assert.includeMembers(found, [
        "Service catalog",
        "Service checkout",
        `ReplicaSet ${pod!.metadata.ownerReferences?.[0]?.name}`
      ])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("reads the namespace, its budgets and its quotas for an action that replaces pods", () =>
    Effect.gen(function* () {
      assert.includeMembers(yield* related({ type: "RestartWorkload", target: on("Deployment", "catalog") }), [
        "Namespace shop",
        "PodDisruptionBudget catalog"
      ])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("reads every node for a cordon", () =>
    Effect.gen(function* () {
      assert.sameMembers(yield* related({ type: "CordonNode", target: on("Node", "node-1", "") }), [
        "Node node-1",
        "Node node-2",
        "Node node-3"
      ])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("names the kinds that RBAC does not let it read", () =>
    Effect.gen(function* () {
      const { unread } = yield* read({ type: "RestartWorkload", target: on("Deployment", "catalog") })
      assert.deepStrictEqual(unread, ["PodDisruptionBudget"])
    }).pipe(
      Effect.provide(
        Sandbox.layer({
          intercept: (operation, request) =>
            operation.kind === "PodDisruptionBudget"
              ? Effect.fail(
                  new KubernetesError({
                    reason: { _tag: "Forbidden" },
                    operation: "list",
                    applied: "no",
                    retryable: false
                  })
                )
              : request
        })
      )
    )
  )

  it.effect("reads the pods of all namespaces for a drain", () =>
    Effect.gen(function* () {
      const { related } = yield* read({ type: "DrainNode", target: on("Node", "node-1", "") })
      assert.includeMembers([...new Set(related.map((pod) => pod.metadata.namespace))], ["shop", "kube-system"])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("succeeds without a subject if it does not exist, and reads nothing else", () => {
    const faults = script()
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ type: "RollbackDeployment", target: on("Deployment", "nowhere") }), {
        subject: undefined,
        related: []
      })
      assert.deepStrictEqual(faults.requests, ["get nowhere"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("fails if the subject can't be read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ type: "RollbackDeployment", target: on("Deployment", "checkout") }))
      assert.strictEqual(error.reason._tag, "Unavailable")
    }).pipe(Effect.provide(layer(script({ gets: [{ _tag: "Unavailable" }] }))))
  )

  it.effect("reads nothing for an action that changes nothing", () => {
    const faults = script()
    return Effect.gen(function* () {
      yield* read({ type: "Notify", target: on("Deployment", "checkout"), reason: "why" })
      yield* read({ type: "CollectDiagnostics", target: on("Deployment", "checkout") })
      assert.deepStrictEqual(faults.requests, [])
    }).pipe(Effect.provide(layer(faults)))
  })
})
