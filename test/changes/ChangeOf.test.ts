/** Two states of an object as one change: fields, time, and who. */

import { assert, describe, it } from "@effect/vitest"
import { changeOf, manifestOf, type States } from "../../src/changes/ChangeOf.ts"
import { effectsOf, effectsOfChange } from "../../src/changes/FieldEffects.ts"
import { significant } from "../../src/changes/Noise.ts"
import { replacementOf } from "../../src/changes/Replacement.ts"
import { kindOf } from "../../src/changes/Writers.ts"
import { gitOpsSourceOf } from "../../src/kubernetes/GitOpsSource.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"

const seenAt = "2026-11-24T03:00:10.500Z"
const time = "2026-11-24T03:00:09Z"
const id = "chg-00000000000000000000000001"

type Managed = NonNullable<KubernetesObject["metadata"]["managedFields"]>[number]

const deployment = (spec: Readonly<Record<string, unknown>>, managedFields: ReadonlyArray<Managed> = []) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "checkout", namespace: "shop", uid: "u", resourceVersion: "7", managedFields },
  spec
})

const between = (before: KubernetesObject, after: KubernetesObject, rest: Partial<States> = {}) =>
  changeOf({ before: significant(before), after: significant(after), raw: after, seenAt, id, ...rest })

const containers = (image: string) => ({ template: { spec: { containers: [{ name: "app", image }] } } })
const imageField = {
  "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"app"}': { ".": {}, "f:image": {} } } } } }
}

it("the beginning of a deletion is a change, whatever holds the object then", () => {
  const claim = (metadata: object) =>
    ({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data", namespace: "shop", uid: "u", resourceVersion: "1", ...metadata },
      spec: {}
    }) as KubernetesObject
  const [before, after] = [claim({}), claim({ deletionTimestamp: "2026-11-24T03:00:00Z", finalizers: ["x"] })]
  const change = changeOf({
    before: significant(before),
    after: significant(after),
    raw: after,
    seenAt: "2026-11-24T03:00:00.000Z",
    id: "chg-01ARZ3NDEKTSV4RRFFQ69G5FAV"
  })!
  assert.deepStrictEqual(change.fields, [{ path: ["metadata", "deletionTimestamp"], after: "2026-11-24T03:00:00Z" }])
  assert.strictEqual(change.by.kind, "unknown")
  assert.deepStrictEqual(effectsOfChange(change)[0]?.effects, effectsOf("PersistentVolumeClaim", "deleted"))
  assert.notProperty(manifestOf(after)?.["metadata"], "deletionTimestamp")
})

describe("a change of an object", () => {
  it("names the execution of ours that made it, and no execution if somebody else did", () => {
    const by = (manager: string) =>
      between(deployment(containers("a:1")), deployment(containers("a:2"), [{ manager, time, fieldsV1: imageField }]), {
        execution: "rem-01-1",
        ownWrite: true
      })
    assert.strictEqual(by("kubernaut")?.execution, "rem-01-1")
    assert.isUndefined(by("kubectl-set")?.execution)
  })

  it("names the field with both values, and the manager that owns it now", () => {
    const change = between(
      deployment(containers("a:1")),
      deployment(containers("a:2"), [
        { manager: "kube-controller-manager", subresource: "status", time, fieldsV1: {} },
        { manager: "helm", time: "2026-11-24T02:00:00Z", fieldsV1: { "f:metadata": {} } },
        { manager: "kubectl-set", time, fieldsV1: imageField }
      ])
    )
    assert.deepStrictEqual(change?.fields, [
      {
        path: ["spec", "template", "spec", "containers", { by: "name", value: "app" }, "image"],
        before: "a:1",
        after: "a:2"
      }
    ])
    assert.deepStrictEqual(change?.by, { kind: "person", name: "kubectl-set" })
    assert.strictEqual(change?.at, "2026-11-24T03:00:09.000Z")
    assert.isUndefined(change?.notBefore)
  })

  it("is none where only noise differs", () => {
    assert.isUndefined(between(deployment({ a: 1 }), { ...deployment({ a: 1 }), status: { x: 1 } }))
  })

  it("is none where an autoscaler scales, and one where a person does", () => {
    const scale = (manager: string): Managed => ({
      manager,
      subresource: "scale",
      time,
      fieldsV1: { "f:spec": { "f:replicas": {} } }
    })
    const scaled = (manager: string) =>
      between(deployment({ replicas: 3 }), deployment({ replicas: 5 }, [scale(manager)]))
    assert.isUndefined(scaled("kube-controller-manager"))
    assert.strictEqual(scaled("kubectl")?.by.kind, "person")
  })

  it("of a library is of nobody known, and not ours because we have written the object since", () => {
    const owner = {
      manager: "OpenAPI-Generator",
      operation: "Update",
      time,
      fieldsV1: { "f:spec": { "f:replicas": {} } }
    }
    const change = (manager: string) =>
      between(deployment({ replicas: 3 }), deployment({ replicas: 0 }, [{ ...owner, manager }]), { ownWrite: true })
    assert.deepStrictEqual(change("OpenAPI-Generator")?.by, { kind: "unknown", name: "OpenAPI-Generator" })
    assert.strictEqual(change("unknown")?.by.kind, "kubernaut")
  })

  it("of a removed field has no known writer", () => {
    assert.deepStrictEqual(between(deployment({ a: 1, b: 2 }), deployment({ a: 1 }))?.by, { kind: "unknown" })
  })

  it("is dated by when it was seen where the API server's time cannot be that of the change", () => {
    const written = (at: string) =>
      between(
        deployment({ replicas: 1 }),
        deployment({ replicas: 2 }, [{ manager: "kubectl", time: at, fieldsV1: { "f:spec": { "f:replicas": {} } } }])
      )
    const old = written("2026-11-23T03:00:00Z")
    assert.deepStrictEqual([old?.at, old?.statedAt], [seenAt, undefined])
    // A clock is wrong, ours or that of the API server: its time is kept, because it may be the right one.
    const ahead = written("2026-11-24T04:00:00Z")
    assert.deepStrictEqual([ahead?.at, ahead?.statedAt], [seenAt, "2026-11-24T04:00:00.000Z"])
  })

  it("in a gap keeps the beginning of the gap", () => {
    const notBefore = "2026-11-24T02:00:00.000Z"
    const change = between(deployment({ a: 1 }), deployment({ a: 2 }), { notBefore })
    assert.deepStrictEqual([change?.notBefore, change?.at], [notBefore, seenAt])
  })
})

describe("a created or deleted object", () => {
  const service: KubernetesObject = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "checkout", namespace: "shop", uid: "u", resourceVersion: "7", labels: { a: "b" } },
    spec: { clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ports: [{ port: 80 }] },
    status: { loadBalancer: {} }
  }

  it("keeps its manifest without status, uid and what the cluster assigned", () => {
    const change = changeOf({ before: significant(service), after: undefined, raw: service, seenAt, id })
    assert.strictEqual(change?.operation, "deleted")
    assert.deepStrictEqual(change?.manifest, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "checkout", namespace: "shop", labels: { a: "b" } },
      spec: { ports: [{ port: 80 }] }
    })
    assert.deepStrictEqual(change?.by, { kind: "unknown" })
  })

  it("keeps that a Service is headless", () => {
    const headless = { ...service, spec: { clusterIP: "None" } }
    const change = changeOf({ before: undefined, after: significant(headless), raw: headless, seenAt, id })
    assert.deepStrictEqual(change?.manifest?.["spec"], { clusterIP: "None" })
  })

  it("that GitOps applies without marks of its own is known as declared by it", () => {
    const object = deployment({ replicas: 1 }, [
      { manager: "argocd-controller", time, fieldsV1: {} },
      { manager: "kubectl-edit", time, fieldsV1: {} }
    ])
    const change = changeOf({ before: significant(object), after: undefined, raw: object, seenAt, id })
    assert.strictEqual(gitOpsSourceOf(change?.manifest as unknown as KubernetesObject)?.manager, "argocd")
    assert.notInclude(JSON.stringify(change?.manifest), "kubectl")
  })

  it("that was deleted keeps when it was created, which does not tell it from the one that replaces it", () => {
    const createdAt = (creationTimestamp: string) => ({
      ...service,
      metadata: { ...service.metadata, creationTimestamp }
    })
    const [old, next] = [createdAt("2026-11-01T00:00:00Z"), createdAt("2026-11-24T03:00:10Z")]
    const deletion = changeOf({ before: significant(old), after: undefined, raw: old, seenAt, id })!
    const creation = changeOf({ before: undefined, after: significant(next), raw: next, seenAt, id: `${id}2` })!
    assert.strictEqual(
      (deletion.manifest as unknown as KubernetesObject).metadata.creationTimestamp,
      "2026-11-01T00:00:00Z"
    )
    assert.deepStrictEqual(replacementOf(creation, [deletion]), [])
  })

  it("that we deleted is known as ours", () => {
    const change = changeOf({ before: service, after: undefined, raw: service, seenAt, id, ownDeletion: true })
    assert.strictEqual(change?.by.kind, "kubernaut")
  })
})

describe("a change of a Secret", () => {
  const secret = (data: Readonly<Record<string, string>>): KubernetesObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "db", namespace: "shop", uid: "u", resourceVersion: "7" },
    data
  })

  it("names the keys, and no value, digest or manifest", () => {
    const change = between(secret({ password: "d1", user: "d2" }), secret({ password: "d3", user: "d2" }))
    assert.deepStrictEqual(change?.fields, [{ path: ["data", "password"] }])
    assert.isUndefined(
      changeOf({ before: secret({ a: "d" }), after: undefined, raw: secret({}), seenAt, id })?.manifest
    )
  })

  it("names no key where the values from before are not known", () => {
    const change = between(secret({ password: "", user: "" }), secret({ password: "d3", user: "d2" }))
    assert.deepStrictEqual(change?.fields, [{ path: ["data"] }])
  })
})

describe("a writer", () => {
  it.each([
    ["kubernaut", "kubernaut"],
    ["argocd-controller", "gitops"],
    ["kustomize-controller", "gitops"],
    ["helm-controller", "gitops"],
    ["kube-controller-manager", "controller"],
    ["kubelet", "controller"],
    ["cert-manager-cainjector", "controller"],
    ["prometheus-operator", "controller"],
    ["karpenter", "controller"],
    ["node-termination-handler", "controller"],
    ["kured", "controller"],
    ["flagger", "controller"],
    ["kubectl-client-side-apply", "person"],
    ["kubectl-edit", "person"],
    ["helm", "person"],
    ["Mozilla", "person"],
    ["terraform", "person"],
    ["deploy-pipeline", "person"],
    ["OpenAPI-Generator", "unknown"],
    ["pykube-ng", "unknown"],
    ["fabric8-kubernetes-client", "unknown"],
    ["okhttp", "unknown"],
    ["Go-http-client", "unknown"],
    ["Kubernetes Java Client", "unknown"],
    ["python-requests", "unknown"],
    ["kopf", "controller"],
    ["castai-agent", "controller"],
    ["knative-serving", "controller"],
    ["kluctl", "gitops"],
    ["gitops-engine", "gitops"],
    ["nomos", "gitops"],
    ["javelin-deploy", "person"],
    ["curl", "person"],
    ["unknown", "unknown"],
    ["", "unknown"]
  ])("called %s is of kind %s", (name, kind) => {
    assert.strictEqual(kindOf(name), kind)
  })
})
