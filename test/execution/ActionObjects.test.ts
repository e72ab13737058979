import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import { readObjects } from "../../src/execution/ActionObjects.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { layer, script } from "./faults.ts"

const on = (kind: string, name: string, namespace = "shop") => ({ namespace, kind, name })

const read = (action: Action) => Effect.flatMap(KubernetesClient, (client) => readObjects(client, action))
const related = (action: Action) =>
  Effect.map(read(action), (objects) => objects.related.map((object) => `${object.kind} ${object.metadata.name}`))

describe("readObjects", () => {
  it.effect("a scale reads the autoscalers", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* related({ type: "ScaleWorkload", target: on("Deployment", "search"), replicas: 9 }),
        ["HorizontalPodAutoscaler search"]
      )
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("a rollback reads the revisions of its own Deployment only", () =>
    Effect.gen(function* () {
      const { related } = yield* read({ type: "RollbackDeployment", target: on("Deployment", "checkout") })
      assert.sameMembers(
        related.map((object) => object.metadata.annotations?.["deployment.kubernetes.io/revision"]),
        ["1", "2", "3"]
      )
      for (const replicaSet of related) assert.strictEqual(replicaSet.metadata.labels?.["app"], "checkout")
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("a volume expansion reads the StorageClass", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* related({ type: "ExpandVolume", target: on("PersistentVolumeClaim", "data-orders-db-0"), size: "20Gi" }),
        ["StorageClass standard"]
      )
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("a quarantine reads the pod's owner and the Services of its namespace", () =>
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

  it.effect("a drain reads the pods of all namespaces", () =>
    Effect.gen(function* () {
      const { related } = yield* read({ type: "DrainNode", target: on("Node", "node-1", "") })
      assert.includeMembers([...new Set(related.map((pod) => pod.metadata.namespace))], ["shop", "kube-system"])
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("a subject that does not exist is no error, and nothing else is read", () => {
    const faults = script()
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ type: "RollbackDeployment", target: on("Deployment", "nowhere") }), {
        subject: undefined,
        related: []
      })
      assert.deepStrictEqual(faults.requests, ["get nowhere"])
    }).pipe(Effect.provide(layer(faults)))
  })

  it.effect("a subject that can't be read is an error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read({ type: "RollbackDeployment", target: on("Deployment", "checkout") }))
      assert.strictEqual(error.reason._tag, "Unavailable")
    }).pipe(Effect.provide(layer(script({ gets: [{ _tag: "Unavailable" }] }))))
  )

  it.effect("an action that changes nothing reads nothing", () => {
    const faults = script()
    return Effect.gen(function* () {
      yield* read({ type: "Notify", target: on("Deployment", "checkout"), reason: "why" })
      yield* read({ type: "CollectDiagnostics", target: on("Deployment", "checkout") })
      assert.deepStrictEqual(faults.requests, [])
    }).pipe(Effect.provide(layer(faults)))
  })
})
