import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import type { Change } from "../../src/domain/Change.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { changeStands } from "../../src/verification/Reversion.ts"
import { object, on, patchOf, restart } from "./evidence.ts"

const cordon: Action = { type: "CordonNode", target: on("Node") }

describe("changeStands", () => {
  const stands = (change: Change, written: KubernetesObject | undefined, action: Action = cordon) =>
    change._tag === "Patch" && changeStands({ action }, change, written)

  it("treats different forms of a quantity as equal", () => {
    const change = patchOf("Deployment", ["/spec/memory", "1024Mi"])
    assert.isTrue(stands(change, object("Deployment", { spec: { memory: "1Gi" } })))
    assert.isFalse(stands(change, object("Deployment", { spec: { memory: "1023Mi" } })))
  })

  it("ignores fields that the server adds", () => {
    const change: Change = {
      _tag: "Patch",
      ref: on("Deployment"),
      patch: [{ op: "replace", path: "/spec/template", value: { spec: { containers: [{ name: "app" }] } } }]
    }
    assert.isTrue(
      stands(
        change,
        object("Deployment", {
          spec: {
            template: {
              metadata: {},
              spec: {
                dnsPolicy: "ClusterFirst",
                containers: [{ name: "app", imagePullPolicy: "Always" }, { name: "injected" }]
              }
            }
          }
        })
      )
    )
    assert.isFalse(
      stands(change, object("Deployment", { spec: { template: { spec: { containers: [{ name: "other" }] } } } }))
    )
  })

  it("finds containers and variables by their names, whatever admission puts before them", () => {
    const env = [{ name: "LEVEL", value: "info" }]
    const mounts = [
      { name: "data", mountPath: "/data" },
      { name: "data", mountPath: "/cache" }
    ]
    const value = { spec: { containers: [{ name: "app", env, volumeMounts: mounts }, { name: "log" }] } }
    const change: Change = { _tag: "Patch", ref: on("Deployment"), patch: [{ op: "replace", path: "/spec", value }] }
    const admitted = (app: object, others: ReadonlyArray<object> = [{ name: "log" }]) =>
      object("Deployment", { spec: { spec: { containers: [{ name: "proxy" }, { name: "app", ...app }, ...others] } } })
    const more = { env: [{ name: "AGENT", value: "1" }, ...env], volumeMounts: [{ name: "token" }, ...mounts] }
    assert.isTrue(stands(change, admitted(more)))
    assert.isTrue(stands(change, admitted({ ...more, env: [...env, { name: "AGENT", value: "1" }] })))
    assert.isFalse(stands(change, admitted({ ...more, env: [{ name: "LEVEL", value: "debug" }] })))
    assert.isFalse(stands(change, admitted({ ...more, volumeMounts: [mounts[0], { name: "data", mountPath: "/x" }] })))
    assert.isFalse(stands(change, admitted(more, [])), "a container is gone")
    assert.isFalse(stands(change, admitted(more, [{ name: "other" }])))
  })

  it("treats a null that the server omits as equal", () => {
    const change: Change = {
      _tag: "Patch",
      ref: on("Deployment"),
      patch: [{ op: "replace", path: "/spec/template", value: { metadata: { creationTimestamp: null } } }]
    }
    assert.isTrue(stands(change, object("Deployment", { spec: { template: { metadata: {} } } })))
    assert.isFalse(
      stands(
        change,
        object("Deployment", { spec: { template: { metadata: { creationTimestamp: "2027-01-15T08:00:00Z" } } } })
      )
    )
  })

  it("is false once a removed field is back", () => {
    const change: Change = {
      _tag: "Patch",
      ref: on("Pod"),
      patch: [{ op: "remove", path: "/metadata/labels/app.kubernetes.io~1name" }]
    }
    const labelled = object("Pod", {})
    assert.isTrue(stands(change, labelled))
    assert.isFalse(
      stands(change, { ...labelled, metadata: { ...labelled.metadata, labels: { "app.kubernetes.io/name": "web" } } })
    )
  })

  it("accepts a later restart in place of its own", () => {
    const change = patchOf("Deployment", [
      "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
      "2027-01-15T08:00:00.000Z"
    ])
    const later = object("Deployment", {
      spec: {
        template: { metadata: { annotations: { "kubectl.kubernetes.io/restartedAt": "2027-01-15T08:05:00.000Z" } } }
      }
    })
    assert.isTrue(stands(change, later, restart))
  })
})
