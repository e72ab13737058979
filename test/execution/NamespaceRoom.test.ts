import { assert, describe, it } from "@effect/vitest"
import type { Action } from "../../src/domain/Action.ts"
import { roomOf } from "../../src/execution/NamespaceRoom.ts"
import type { PlanObjects } from "../../src/execution/Plan.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

const metadata = (name: string) => ({ name, namespace: "shop", uid: `uid-${name}`, resourceVersion: "1" })
const target = { namespace: "shop", kind: "Deployment", name: "checkout" }

type Amounts = Readonly<Record<string, string>>

const deployment = (
  replicas: number,
  resources: { readonly requests?: Amounts; readonly limits?: Amounts },
  more: Readonly<Record<string, unknown>> = {}
): KubernetesObject => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: metadata("checkout"),
  spec: {
    replicas,
    selector: { matchLabels: {} },
    template: { spec: { containers: [{ name: "app", image: "app", resources }] } },
    ...more
  }
})
const quota = (hard: Amounts, used: Amounts | undefined, spec: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: metadata("compute"),
  spec: { hard, ...spec },
  status: { hard, ...(used === undefined ? {} : { used }) }
})
const range = (...limits: ReadonlyArray<unknown>) => ({
  apiVersion: "v1",
  kind: "LimitRange",
  metadata: metadata("limits"),
  spec: { limits }
})
const objects = (subject: KubernetesObject, ...related: ReadonlyArray<KubernetesObject>): PlanObjects => ({
  subject,
  related
})

const scale: Action = { type: "ScaleWorkload", target, replicas: 10 }
const limit = (memory: string): Action => ({ type: "AdjustResources", target, container: "app", limits: { memory } })
const request = (memory: string): Action => ({
  type: "AdjustResources",
  target,
  container: "app",
  requests: { memory }
})
const recreate = { strategy: { type: "Recreate" } }

describe("the room of a namespace for replicas", () => {
  it("is what the tightest line of all quotas leaves", () => {
    const subject = deployment(2, { requests: { cpu: "500m", memory: "1Gi" } })
    const hard = { pods: "8", "requests.cpu": "3", "requests.memory": "20Gi" }
    const used = { pods: "3", "requests.cpu": "1500m", "requests.memory": "3Gi" }
    assert.deepStrictEqual(roomOf(scale, objects(subject, quota(hard, used))), {
      replicas: { now: 2, most: 5 },
      shortages: [
        { quota: "compute", resource: "pods", requested: "8", used: "3", hard: "8" },
        { quota: "compute", resource: "requests.cpu", requested: "4", used: "1500m", hard: "3" }
      ]
    })
  })

  it("does not count a quota that has a scope, or whose use is unknown", () => {
    const subject = deployment(2, {})
    for (const each of [
      quota({ pods: "2" }, { pods: "2" }, { scopes: ["BestEffort"] }),
      quota({ pods: "2" }, { pods: "2" }, { scopeSelector: {} }),
      quota({ pods: "2" }, undefined)
    ])
      assert.deepStrictEqual(roomOf(scale, objects(subject, each)), { shortages: [], replicas: { now: 2, most: 10 } })
  })

  it("counts pods that could not be created as pods that are still to come", () => {
    const subject = { ...deployment(5, {}), status: { replicas: 3 } }
    const room = roomOf(scale, objects(subject, quota({ pods: "3" }, { pods: "3" })))
    assert.deepStrictEqual(room?.replicas, { now: 5, most: 3 })
  })
})

describe("the room of a namespace for a container's resources", () => {
  const of = (action: Action, subject: KubernetesObject, ...related: ReadonlyArray<KubernetesObject>) =>
    roomOf(action, objects(subject, ...related))?.resources?.[0]

  it("is bounded by the LimitRange of containers, and by that of pods", () => {
    const subject = deployment(1, { limits: { memory: "256Mi" } })
    const bounds = of(
      limit("2Gi"),
      subject,
      range({ type: "Container", max: { memory: "1Gi" }, min: { memory: "64Mi" } })
    )
    assert.deepStrictEqual(bounds, { list: "limits", resource: "memory", from: "256Mi", most: "1Gi", least: "64Mi" })
    assert.strictEqual(of(limit("2Gi"), subject, range({ type: "Pod", max: { memory: "512Mi" } }))?.most, "512Mi")
  })

  it("shares what a quota leaves among all pods, rounded down to whole mebibytes", () => {
    const subject = deployment(3, { requests: { memory: "100Mi" } }, recreate)
    const most = of(
      request("1Gi"),
      subject,
      quota({ "requests.memory": "1000Mi" }, { "requests.memory": "300Mi" })
    )?.most
    assert.strictEqual(most, "333Mi")
  })

  it("is at most what is free now, if new pods come before old ones go", () => {
    const subject = deployment(1, { requests: { memory: "100Mi" } })
    const most = of(
      request("1Gi"),
      subject,
      quota({ "requests.memory": "250Mi" }, { "requests.memory": "100Mi" })
    )?.most
    assert.strictEqual(most, "150Mi")
  })

  it("is bounded by the quota on requests, if the container requests its limit", () => {
    const subject = deployment(1, { limits: { memory: "100Mi" } }, recreate)
    const most = of(limit("1Gi"), subject, quota({ "requests.memory": "300Mi" }, { "requests.memory": "200Mi" }))?.most
    assert.strictEqual(most, "200Mi")
  })

  it("is never negative", () => {
    const subject = deployment(1, { requests: { memory: "100Mi" } }, recreate)
    const most = of(request("1Gi"), subject, quota({ "requests.memory": "1Gi" }, { "requests.memory": "3Gi" }))?.most
    assert.strictEqual(most, "0")
  })

  it("is not known for an action that has no smaller form", () => {
    assert.isUndefined(roomOf({ type: "RestartWorkload", target }, objects(deployment(1, {}))))
  })
})
