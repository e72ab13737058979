/** The plan of a rollback, as a pure function of the intent and the objects. */

import { assert, describe, it } from "@effect/vitest"
import { JsonPatch } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { PatchOperation } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { RollbackTrigger } from "../../src/domain/Rollback.ts"
import type { WorkloadState } from "../../src/domain/WorkloadState.ts"
import { leavesOf } from "../../src/execution/Leaves.ts"
import { executionAnnotation, plannedVersion } from "../../src/execution/ObjectPatch.ts"
import { planRollback, type RollbackPlan, undoneBy } from "../../src/execution/Rollback.ts"
import type { RollbackRefusal } from "../../src/execution/RollbackForeign.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { specDigest } from "../../src/kubernetes/SpecDigest.ts"
import { observed } from "../remediation/journals.ts"
import { deployment } from "./objects.ts"
import { acceptedPlan, adjust, revisions, rollback, scale } from "./plans.ts"

const signature = { executionId: "r1-1-rollback-1", remediationId: "r1", epoch: 2 }

/** The object after a patch, as an API server stores it: with a new version, and a new generation if the spec differs. */
const patched = (object: KubernetesObject, patch: ReadonlyArray<PatchOperation>): KubernetesObject => {
  const next = JsonPatch.apply(patch as never, object as never) as unknown as KubernetesObject
  const changed = specDigest(next) !== specDigest(object)
  const { generation = 1 } = object.metadata
  return {
    ...next,
    metadata: {
      ...next.metadata,
      resourceVersion: `${Number(object.metadata.resourceVersion) + 1}`,
      generation: changed ? generation + 1 : generation
    }
  }
}

/** An action that was carried out on an object, and the object after it. */
const actedOn = (action: Action, before: KubernetesObject) => {
  const { changes, inverse } = acceptedPlan(action, before, revisions)
  const after = changes.reduce(
    (object, change) => (change._tag === "Patch" ? patched(object, change.patch) : object),
    before
  )
  const baseline: WorkloadState = { ...observed, uid: before.metadata.uid, spec: specDigest(before) }
  const ref = action.target
  const intent: Intent = {
    executionId: "r1-1",
    action,
    changes,
    inverse,
    baseline,
    leaves: leavesOf(baseline, [{ ref, object: after }]),
    plannedAt: "1970-01-01T00:00:00.000Z"
  }
  return { after, intent }
}

const planOf = (
  intent: Intent,
  object: KubernetesObject | undefined,
  trigger: RollbackTrigger = "failed-health-check"
): RollbackPlan | RollbackRefusal =>
  planRollback({ intent, trigger, signature, objects: undoneBy(intent.inverse).map(() => object) })

/** The object after the rollback; the plan must not be a refusal. */
const restored = (intent: Intent, object: KubernetesObject, trigger?: RollbackTrigger) => {
  const result = planOf(intent, object, trigger)
  if (result._tag === "RollbackRefusal") throw new Error(`${result.code}: ${result.message}`)
  return result.changes.reduce((now, change) => (change._tag === "Patch" ? patched(now, change.patch) : now), object)
}

const refusalOf = (intent: Intent, object: KubernetesObject | undefined, trigger?: RollbackTrigger) => {
  const result = planOf(intent, object, trigger)
  return result._tag === "RollbackRefusal" ? { code: result.code, fields: result.fields ?? [] } : "a plan"
}

const image = (tag: string): PatchOperation => ({
  op: "replace",
  path: "/spec/template/spec/containers/0/image",
  value: tag
})
const proxyImage: PatchOperation = { op: "replace", path: "/spec/template/spec/containers/1/image", value: "proxy:2" }
const replicas = (count: number): PatchOperation => ({ op: "replace", path: "/spec/replicas", value: count })

const before = deployment({}, { generation: 4, annotations: { "deployment.kubernetes.io/revision": "3" } })
const withoutResources = deployment({
  template: { metadata: { labels: { app: "checkout" } }, spec: { containers: [{ name: "app", image: "app:3" }] } }
})

describe("a rollback that nobody asked for", () => {
  it.each([
    ["a scaling", scale(5), before],
    ["a rollback of a Deployment", rollback(), before],
    ["other limits", adjust({ limits: { memory: "512Mi" } }), before],
    [
      "limits where there were no resources",
      adjust({ limits: { memory: "512Mi" }, requests: { cpu: "1" } }),
      withoutResources
    ]
  ])("restores the spec after %s, in one signed write on the present version", (_, action, object) => {
    const { after, intent } = actedOn(action, object)
    const result = planOf(intent, after)
    assert.strictEqual(result._tag, "RollbackPlan")
    if (result._tag !== "RollbackPlan") return
    assert.isTrue(result.exact)
    assert.strictEqual(result.changes.length, 1)
    assert.strictEqual(plannedVersion(result.changes[0]!), after.metadata.resourceVersion)
    const back = restored(intent, after)
    assert.deepStrictEqual(back["spec"], object["spec"])
    assert.strictEqual(back.metadata.annotations?.[executionAnnotation], signature.executionId)
  })

  it("writes nothing where somebody has undone the action already", () => {
    const { after, intent } = actedOn(scale(5), before)
    const result = planOf(intent, patched(after, [replicas(3)]))
    assert.deepStrictEqual(result._tag === "RollbackPlan" && result.changes, [])
  })

  it("writes nothing where the action was never applied", () => {
    const { intent } = actedOn(scale(5), before)
    const result = planOf(intent, before)
    assert.deepStrictEqual(result._tag === "RollbackPlan" && result.changes, [])
  })

  it.each([
    ["the field that was written", scale(5), [replicas(7)], "changed-by-another", ["spec.replicas"]],
    ["another field", scale(5), [image("app:4")], "changed-around", ["spec.template.spec.containers[app].image"]],
    [
      "a part of the template that was written",
      rollback(),
      [image("app:hotfix")],
      "changed-by-another",
      ["spec.template.spec.containers[app].image"]
    ],
    [
      "something that was added to the template that was written",
      rollback(),
      [{ op: "add", path: "/spec/template/spec/priorityClassName", value: "high" }],
      "changed-by-another",
      ["spec.template.spec.priorityClassName"]
    ],
    [
      "two fields around it",
      scale(5),
      [image("app:4"), proxyImage],
      "changed-around",
      ["spec.template.spec.containers[app].image", "spec.template.spec.containers[proxy].image"]
    ]
  ] as const)("stops, and names the fields, where somebody has changed %s", (_, action, patch, code, fields) => {
    const { after, intent } = actedOn(action, before)
    assert.deepStrictEqual(refusalOf(intent, patched(after, patch)), { code, fields: [...fields] })
  })

  it("does not stop at labels, annotations and status, which are no part of the spec", () => {
    const { after, intent } = actedOn(scale(5), before)
    const noted = patched(after, [{ op: "add", path: "/metadata/labels", value: { team: "shop" } }])
    assert.deepStrictEqual(restored(intent, noted)["spec"], before["spec"])
  })

  it("does not stop at what admission has added to the same write", () => {
    const { after, intent } = actedOn(scale(5), before)
    const admitted = {
      ...patched(after, [{ op: "add", path: "/spec/template/spec/priorityClassName", value: "high" }]),
      metadata: after.metadata
    }
    assert.strictEqual(planOf(intent, admitted)._tag, "RollbackPlan")
  })

  it("stops where an earlier version has not recorded what the action left", () => {
    const { after, intent } = actedOn(scale(5), before)
    const { leaves: _unknown, ...old } = intent
    assert.deepStrictEqual(refusalOf(old, after), { code: "unknown-change", fields: [] })
    assert.strictEqual(planOf(old, after, "operator")._tag, "RollbackPlan")
  })

  it.each([
    ["does not exist any more", () => undefined, "gone"],
    [
      "was created again",
      (after: KubernetesObject) => ({ ...after, metadata: { ...after.metadata, uid: "new" } }),
      "replaced"
    ],
    [
      "is being deleted",
      (after: KubernetesObject) => ({
        ...after,
        metadata: { ...after.metadata, deletionTimestamp: "2026-11-24T03:00:00Z" }
      }),
      "gone"
    ]
  ])("stops where the object %s", (_, now, code) => {
    const { after, intent } = actedOn(scale(5), before)
    assert.deepStrictEqual(refusalOf(intent, now(after)), { code, fields: [] })
  })
})

describe("a rollback that a person asked for", () => {
  it("puts back our own field, and keeps what somebody else has changed since", () => {
    const { after, intent } = actedOn(scale(5), before)
    const shipped = patched(after, [image("app:4"), proxyImage])
    const back = restored(intent, shipped, "operator")
    assert.deepStrictEqual(back["spec"], { ...(shipped["spec"] as object), replicas: 3 })
    const result = planOf(intent, shipped, "operator")
    assert.isFalse(result._tag === "RollbackPlan" && result.exact)
  })

  it("is refused where somebody has changed our own field, with the difference", () => {
    const { after, intent } = actedOn(adjust({ limits: { memory: "512Mi" } }), before)
    const path = "/spec/template/spec/containers/0/resources/limits/memory"
    assert.deepStrictEqual(refusalOf(intent, patched(after, [{ op: "replace", path, value: "1Gi" }]), "operator"), {
      code: "changed-by-another",
      fields: ["spec.template.spec.containers[app].resources.limits.memory"]
    })
  })

  it("is refused where another container has come before ours", () => {
    const { after, intent } = actedOn(adjust({ limits: { memory: "512Mi" } }), before)
    const sidecar = { name: "log", image: "log:1", resources: { limits: { memory: "512Mi" } } }
    const moved = patched(after, [{ op: "add", path: "/spec/template/spec/containers/0", value: sidecar }])
    assert.strictEqual((refusalOf(intent, moved, "operator") as { code: string }).code, "changed-by-another")
  })

  it("takes a quantity in another form for the one that was written", () => {
    const { after, intent } = actedOn(adjust({ limits: { memory: "1Gi" } }), before)
    const path = "/spec/template/spec/containers/0/resources/limits/memory"
    const back = restored(intent, patched(after, [{ op: "replace", path, value: "1024Mi" }, replicas(9)]), "operator")
    assert.deepStrictEqual(back["spec"], { ...(before["spec"] as object), replicas: 9 })
  })

  it.each([
    [{ _tag: "NotNeeded", reason: "The owner replaces the pods." }, "nothing-to-undo"],
    [{ _tag: "Irreversible", reason: "A volume can't shrink." }, "irreversible"],
    [{ _tag: "Partial", changes: [], remains: "Evicted pods are not moved back." }, "nothing-to-undo"]
  ] as const)("is refused where nothing can be undone: %j", (inverse, code) => {
    const { after, intent } = actedOn(scale(5), before)
    assert.deepStrictEqual(refusalOf({ ...intent, inverse }, after, "operator"), { code, fields: [] })
  })
})

/** The object with the managers of these fields, as an API server lists them. */
const owned = (object: KubernetesObject, manager: string, fieldsV1: Readonly<Record<string, unknown>>) => ({
  ...object,
  metadata: { ...object.metadata, managedFields: [{ manager, fieldsV1: { "f:spec": fieldsV1 } }] }
})

const limitOf = (manager: string, container: string, object: KubernetesObject) =>
  owned(object, manager, {
    "f:template": {
      "f:spec": {
        "f:containers": { [`k:{"name":"${container}"}`]: { "f:resources": { "f:limits": { "f:memory": {} } } } }
      }
    }
  })

describe("a value that somebody else has written again", () => {
  const limits = adjust({ limits: { memory: "512Mi" } })

  it.each(["failed-health-check", "operator"] as const)("is theirs: the replicas stay (%s)", (trigger) => {
    const { after, intent } = actedOn(scale(5), before)
    assert.deepStrictEqual(refusalOf(intent, owned(after, "kubectl", { "f:replicas": {} }), trigger), {
      code: "changed-by-another",
      fields: ["spec.replicas"]
    })
  })

  it.each(["failed-health-check", "operator"] as const)(
    "is theirs: the limit of our container stays (%s)",
    (trigger) => {
      const { after, intent } = actedOn(limits, before)
      assert.deepStrictEqual(refusalOf(intent, limitOf("helm", "app", after), trigger), {
        code: "changed-by-another",
        fields: ["spec.template.spec.containers[app].resources.limits.memory"]
      })
    }
  )

  it("is ours where they own another field, or another container's", () => {
    const { after, intent } = actedOn(limits, before)
    assert.strictEqual(planOf(intent, limitOf("helm", "proxy", after))._tag, "RollbackPlan")
    assert.strictEqual(planOf(intent, limitOf("kubernaut", "app", after))._tag, "RollbackPlan")
    const scaled = actedOn(scale(5), before)
    assert.strictEqual(planOf(scaled.intent, owned(scaled.after, "kubectl", { "f:paused": {} }))._tag, "RollbackPlan")
  })

  it("is a cordon of their own: the node stays out", () => {
    const node: KubernetesObject = {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "node-1", uid: "n1", resourceVersion: "1", annotations: {} },
      spec: {}
    }
    const { after, intent } = actedOn(
      { type: "CordonNode", target: { namespace: "", kind: "Node", name: "node-1" } },
      node
    )
    assert.deepStrictEqual(refusalOf(intent, owned(after, "kubectl-cordon", { "f:unschedulable": {} }), "operator"), {
      code: "changed-by-another",
      fields: ["spec.unschedulable"]
    })
  })

  it("is not undone unasked where only the generation shows that it was another one in between", () => {
    const { after, intent } = actedOn(scale(5), before)
    const again = patched(patched(after, [replicas(7)]), [replicas(5)])
    assert.deepStrictEqual(refusalOf(intent, again), { code: "changed-around", fields: [] })
    assert.deepStrictEqual(restored(intent, again, "operator")["spec"], before["spec"])
  })
})
