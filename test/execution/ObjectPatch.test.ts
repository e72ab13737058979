import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Change } from "../../src/domain/Change.ts"
import { type Edit, patch, plannedVersion, pointer, set, unset, valueAt } from "../../src/execution/ObjectPatch.ts"
import { deployment, patched, unsigned } from "./objects.ts"

const signature = { executionId: "r1-1", remediationId: "r1", epoch: 7 }

describe("patch", () => {
  it("is conditional on the version that it was made for, and carries the annotations of its execution", () => {
    const { change } = patch(deployment({}, { resourceVersion: "99" }), [set(["spec", "replicas"], 5)], signature)
    assert.deepStrictEqual(change, {
      _tag: "Patch",
      ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
      patch: [
        { op: "replace", path: "/metadata/resourceVersion", value: "99" },
        { op: "replace", path: "/spec/replicas", value: 5 },
        { op: "add", path: "/metadata/annotations/kubernaut.dev~1execution", value: "r1-1" },
        { op: "add", path: "/metadata/annotations/kubernaut.dev~1remediation", value: "r1" },
        { op: "add", path: "/metadata/annotations/kubernaut.dev~1epoch", value: "7" }
      ]
    })
    assert.strictEqual(plannedVersion(change), "99")
  })

  it("has an inverse without version and annotations, so that it never becomes stale", () => {
    const { inverse } = patch(deployment(), [set(["spec", "replicas"], 5)], signature)
    assert.deepStrictEqual(inverse._tag === "Patch" ? inverse.patch : undefined, [
      { op: "replace", path: "/spec/replicas", value: 3 }
    ])
    assert.isUndefined(plannedVersion(inverse))
  })

  it("adds the topmost missing parent with everything beneath it, and its inverse removes it", () => {
    const { change, inverse } = patch(
      deployment(),
      [set(["spec", "strategy", "rollingUpdate", "maxSurge"], 1)],
      signature
    )
    assert.deepStrictEqual(change._tag === "Patch" ? change.patch[1] : undefined, {
      op: "add",
      path: "/spec/strategy",
      value: { rollingUpdate: { maxSurge: 1 } }
    })
    assert.deepStrictEqual(inverse._tag === "Patch" ? inverse.patch : undefined, [
      { op: "remove", path: "/spec/strategy" }
    ])
  })

  it("adds the annotations if there were none", () => {
    const bare = { ...deployment(), metadata: { name: "checkout", namespace: "shop", uid: "u", resourceVersion: "1" } }
    const written = patched(bare, patch(bare, [set(["spec", "replicas"], 5)], signature).change)
    assert.deepStrictEqual(written.metadata.annotations, {
      "kubernaut.dev/execution": "r1-1",
      "kubernaut.dev/remediation": "r1",
      "kubernaut.dev/epoch": "7"
    })
  })

  it("replaces the annotations of an earlier execution", () => {
    const earlier = deployment({}, { annotations: { "kubernaut.dev/execution": "r0-1", "kubernaut.dev/epoch": "6" } })
    const written = patched(earlier, patch(earlier, [set(["spec", "replicas"], 5)], signature).change)
    assert.strictEqual(written.metadata.annotations?.["kubernaut.dev/execution"], "r1-1")
    assert.strictEqual(written.metadata.annotations?.["kubernaut.dev/epoch"], "7")
  })

  it("has an empty inverse if it removes an absent field", () => {
    const { inverse } = patch(deployment(), [unset(["spec", "paused"])], signature)
    assert.deepStrictEqual(inverse._tag === "Patch" ? inverse.patch : undefined, [])
  })
})

describe("pointer", () => {
  it("escapes tokens as RFC 6901 requires", () => {
    assert.strictEqual(pointer(["metadata", "annotations", "a/b~c"]), "/metadata/annotations/a~1b~0c")
    assert.strictEqual(pointer(["spec", "containers", 0]), "/spec/containers/0")
  })
})

const paths = [
  ["spec", "replicas"],
  ["spec", "paused"],
  ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"],
  ["spec", "template", "metadata", "labels", "app"],
  ["spec", "template", "spec", "containers", 0, "resources", "limits", "memory"],
  ["spec", "template", "spec", "containers", 0, "resources", "limits", "a~b/c"],
  ["spec", "template", "spec", "containers", 1, "resources", "requests", "cpu"],
  ["spec", "template", "spec", "containers", 1, "resources", "limits", "cpu"],
  ["spec", "strategy", "rollingUpdate", "maxSurge"]
] as const

const EditPlan = Schema.Array(
  Schema.Struct({
    path: Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7, 8]),
    value: Schema.Literals(["1", "two", 3, true, "unset"])
  })
).check(Schema.isMaxLength(6))

const editsOf = (plan: typeof EditPlan.Type): ReadonlyArray<Edit> =>
  plan.map(({ path, value }) => (value === "unset" ? unset(paths[path]) : set(paths[path], value)))

describe("any edits", () => {
  it.prop(
    "are undone exactly by their inverse",
    [EditPlan],
    ([plan]) => {
      const before = deployment()
      const { change, inverse } = patch(before, editsOf(plan), signature)
      assert.deepStrictEqual(unsigned(patched(patched(before, change), inverse)), before)
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop(
    "leave the last requested value at each path",
    [EditPlan],
    ([plan]) => {
      const written = patched(deployment(), patch(deployment(), editsOf(plan), signature).change)
      for (const [index, path] of paths.entries()) {
        const last = plan.findLast((edit) => edit.path === index)
        if (last !== undefined)
          assert.strictEqual(valueAt(written, path), last.value === "unset" ? undefined : last.value)
      }
    },
    { arbitrary: { runs: 500 } }
  )

  it.prop("make a change that the journal can store", [EditPlan], ([plan]) =>
    Schema.is(Change)(patch(deployment(), editsOf(plan), signature).change)
  )
})
