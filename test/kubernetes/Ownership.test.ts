import { assert, describe, it } from "@effect/vitest"
import { follow, groupOf, isBuiltIn, refersTo, type TypedReference } from "../../src/kubernetes/Ownership.ts"

const reference = (apiVersion: string | undefined, kind: string): TypedReference => ({ apiVersion, kind, name: "web" })

const object = (apiVersion: string, kind: string) => ({
  apiVersion,
  kind,
  metadata: { namespace: "shop", name: "web", uid: "uid", resourceVersion: "1" }
})

describe("groupOf", () => {
  it.each([
    ["v1", ""],
    ["apps/v1", "apps"],
    ["apps.kruise.io/v1beta1", "apps.kruise.io"]
  ])("of %s is %j", (apiVersion, group) => assert.strictEqual(groupOf(apiVersion), group))
})

describe("isBuiltIn", () => {
  it.each([
    [reference("apps/v1", "StatefulSet"), true],
    [reference("apps/v1beta2", "StatefulSet"), true],
    [reference(undefined, "Deployment"), true],
    [reference("apps.kruise.io/v1beta1", "StatefulSet"), false],
    [reference("batch.volcano.sh/v1alpha1", "Job"), false],
    [reference("v1", "Deployment"), false],
    [reference("v1", "ConfigMap"), false]
  ])("of %j is %s", (reference, expected) => assert.strictEqual(isBuiltIn(reference), expected))
})

describe("follow", () => {
  it.each([
    ["Pod", reference("apps/v1", "ReplicaSet"), true],
    ["Pod", reference("apps.kruise.io/v1beta1", "StatefulSet"), false],
    ["Pod", reference("batch.volcano.sh/v1alpha1", "Job"), false],
    ["Pod", reference("v1", "ReplicationController"), false],
    ["Pod", reference("v1", "Node"), false],
    ["Pod", reference("v1", "ConfigMap"), false],
    ["ReplicaSet", reference("argoproj.io/v1alpha1", "Rollout"), false],
    ["Job", reference("batch/v1", "CronJob"), true],
    ["Job", reference("batch.example/v1", "CronJob"), false],
    ["HorizontalPodAutoscaler", reference("apps/v1", "StatefulSet"), true],
    ["HorizontalPodAutoscaler", reference("apps.openshift.io/v1", "DeploymentConfig"), false],
    ["Deployment", reference("apps/v1", "Deployment"), false]
  ])("from a %s along %j: %s", (kind, reference, followed) =>
    assert.deepStrictEqual(
      follow(object("v1", kind), reference),
      followed ? { namespace: "shop", kind: reference.kind, name: "web" } : undefined
    )
  )
})

describe("refersTo", () => {
  it("compares group, kind and name, but not the version", () => {
    assert.isTrue(refersTo(reference("apps/v1beta1", "Deployment"), object("apps/v1", "Deployment")))
    assert.isFalse(refersTo(reference("apps.example/v1", "Deployment"), object("apps/v1", "Deployment")))
    assert.isFalse(refersTo(reference("apps/v1", "StatefulSet"), object("apps/v1", "Deployment")))
    assert.isFalse(refersTo({ ...reference("apps/v1", "Deployment"), name: "x" }, object("apps/v1", "Deployment")))
  })
})
