import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { entryOf, writerOf } from "../../../src/changes/Writers.ts"
import type { KubernetesObject } from "../../../src/kubernetes/KubernetesClient.ts"
import type { Deployment } from "../../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../../src/kubernetes/Sandbox.ts"
import { afterWrite } from "../../../src/kubernetes/sandbox/ManagedFields.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }

const object = (
  fields: object,
  managedFields: KubernetesObject["metadata"]["managedFields"] = []
): KubernetesObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", uid: "u", resourceVersion: "1", managedFields },
  ...fields
})
const by = (manager: string, time = "2026-11-24T03:00:00Z") => ({ manager, time })

describe("the managed fields of the sandbox", () => {
  it("are those that a write changes, with its time", () => {
    const before = object({ data: { a: "1", b: "1" } })
    const [entry] = afterWrite(object({ data: { a: "2", b: "1" } }), before, by("kubectl"))
    assert.deepStrictEqual(entry, {
      manager: "kubectl",
      time: "2026-11-24T03:00:00Z",
      fieldsV1: { "f:data": { "f:a": {} } }
    })
  })

  it("are taken from their earlier managers, who go with their last field", () => {
    const first = afterWrite(object({ data: { a: "2", b: "2" } }), object({ data: { a: "1", b: "1" } }), by("one"))
    const second = afterWrite(
      object({ data: { a: "3", b: "2" } }),
      object({ data: { a: "2", b: "2" } }, first),
      by("two")
    )
    assert.deepStrictEqual(
      second.map(({ fieldsV1, manager }) => [manager, fieldsV1]),
      [
        ["one", { "f:data": { "f:b": {} } }],
        ["two", { "f:data": { "f:a": {} } }]
      ]
    )
    const third = afterWrite(
      object({ data: { a: "3", b: "3" } }),
      object({ data: { a: "3", b: "2" } }, second),
      by("two")
    )
    assert.deepStrictEqual(
      third.map(({ manager }) => manager),
      ["two"]
    )
  })

  it("leave no trace of a removal", () => {
    const first = afterWrite(object({ data: { a: "2" } }), object({ data: {} }), by("one"))
    const [entry, ...others] = afterWrite(object({ data: {} }), object({ data: { a: "2" } }, first), by("two"))
    assert.deepStrictEqual([entry, others.length], [by("two"), 0])
  })

  it.effect("tell who changed a field of a container last, as those of a real API server do", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl-edit" })
      const before = (yield* cluster.get(checkout)) as Deployment
      const value = before.spec.template.spec.containers[0]!.name
      const path = ["spec", "template", "spec", "containers", { by: "name", value }, "image"]
      const released = yield* cluster.apply({
        _tag: "Patch",
        ref: checkout,
        patch: [
          { op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/checkout:v9" }
        ]
      })
      const entry = entryOf(released!, [path])
      assert.deepStrictEqual(writerOf(released!, entry), { kind: "person", name: "kubectl-edit" })
      assert.isDefined(entry?.time)
      assert.isUndefined(entryOf(released!, [["spec", "replicas"]]))
    })
  )

  it.effect("name the autoscaler as the writer of replicas, by the subresource scale", () =>
    Effect.gen(function* () {
      const cluster = yield* Sandbox.make({ fieldManager: "kubectl-edit" })
      const autoscaler = { namespace: "shop", kind: "HorizontalPodAutoscaler", name: "search" }
      yield* cluster.apply({
        _tag: "Patch",
        ref: autoscaler,
        patch: [{ op: "replace", path: "/spec/maxReplicas", value: 8 }]
      })
      yield* TestClock.adjust("10 minutes")
      const search = yield* cluster.get({ namespace: "shop", kind: "Deployment", name: "search" })
      const entry = entryOf(search, [["spec", "replicas"]])
      assert.deepStrictEqual([entry?.manager, entry?.subresource], ["kube-controller-manager", "scale"])
    })
  )
})
