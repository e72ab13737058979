import { assert, describe, it } from "@effect/vitest"
import { removal } from "../../src/execution/ObjectPatch.ts"
import { type Before, presenceOf } from "../../src/execution/Presence.ts"
import { specDigest } from "../../src/kubernetes/SpecDigest.ts"
import { deployment, pod } from "./objects.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const before = (known: Partial<Before>): Before => ({
  ref: checkout,
  uid: null,
  generation: null,
  autoscaler: null,
  ...known
})
const aPod = { namespace: "shop", kind: "Pod", name: "p1" }

describe("presenceOf", () => {
  const patch = {
    _tag: "Patch",
    ref: checkout,
    patch: [{ op: "replace", path: "/metadata/resourceVersion", value: "41" }]
  } as const
  const signed = { annotations: { "kubernaut.dev/execution": "r1-1" } }
  const evict = { _tag: "Evict", ref: aPod, uid: "uid-p1" } as const
  const planned = { ...evict, resourceVersion: "41" } as const
  const earlier = { uid: "another", resourceVersion: "9" }
  const since = { uid: "another", resourceVersion: "50" }
  const without = { uid: "another", resourceVersion: "x" }
  const remove = { _tag: "Delete", ref: aPod, uid: "uid-p1" } as const
  const removes = removal(deployment())
  const create = { _tag: "Create", ref: checkout, manifest: {} } as const

  const version = (resourceVersion: string, annotations = {}) => deployment({}, { annotations, resourceVersion })
  const other = { "kubernaut.dev/execution": "r0-1" }
  const terminating = pod("p1", { deletionTimestamp: "2026-11-24T03:00:00Z" })

  it.each([
    ["an object with the execution's id has the patch", patch, version("50", signed.annotations), "present"],
    ["an object of the planned version may still receive the patch", patch, deployment(), "absent"],
    ["an object of another version may have lost the signature of the patch", patch, version("42"), "unsigned"],
    ["an object of an older version does not show whether it had the patch", patch, version("9"), "outdated"],
    ["so may an object of a version without order", patch, version("x"), "unsigned"],
    ["an object with another execution's id does not have the patch", patch, version("42", other), "superseded"],
    ["a deleted object does not show whether it had the patch", patch, undefined, "gone"],
    ["a running pod is not evicted", evict, pod("p1"), "absent"],
    ["a terminating pod is evicted", evict, terminating, "present"],
    ["a deleted pod is evicted", evict, undefined, "present"],
    ["a pod is evicted if another one has its name", evict, pod("p1", { uid: "another" }), "present"],
    ["a pod that had the name before is not the replacement", planned, pod("p1", earlier), "outdated"],
    ["a pod that has the name since is the replacement", planned, pod("p1", since), "present"],
    ["a pod of a version without order is the replacement", planned, pod("p1", without), "present"],
    ["an existing object is not deleted", remove, pod("p1"), "absent"],
    ["a missing object is deleted", remove, undefined, "present"],
    ["an object with another version and status is still to be deleted", removes, version("42"), "absent"],
    ["an object that somebody has edited is not deleted any more", removes, deployment({ replicas: 9 }), "superseded"],
    ["a missing object is deleted, whatever it was", removes, undefined, "present"],
    ["a missing object is not created", create, undefined, "absent"],
    ["an object with the execution's id is created", create, deployment({}, signed), "present"],
    ["an object without an execution's id may have been created, and replaced since", create, deployment(), "unsigned"],
    ["an object with another execution's id is not this one's", create, version("42", other), "superseded"]
  ] as const)("%s", (_claim, change, object, expected) => {
    assert.strictEqual(presenceOf(change, "r1-1", object), expected)
  })

  it("a new object of the same name does not show whether the previous one had the patch", () => {
    assert.strictEqual(presenceOf(patch, "r1-1", deployment(), before({ uid: "before" })), "gone")
  })

  const scaled = {
    ...patch,
    patch: [...patch.patch, { op: "replace", path: "/spec/replicas", value: 5 }]
  } as const
  const labelled = {
    _tag: "Patch",
    ref: aPod,
    patch: [
      { op: "replace", path: "/metadata/resourceVersion", value: "41" },
      { op: "remove", path: "/metadata/labels/app" }
    ]
  } as const
  const at = (generation: number | undefined, spec = {}) =>
    deployment(spec, { resourceVersion: "42", ...(generation === undefined ? {} : { generation }) })

  it.each([
    ["nobody has changed the spec since", scaled, at(4), before({ generation: 4 }), "superseded"],
    ["somebody has changed the spec since", scaled, at(5), before({ generation: 4 }), "unsigned"],
    ["its generation was not known before", scaled, at(5), before({}), "unsigned"],
    ["its spec has the digest of before", scaled, at(undefined), before({ spec: specDigest(at(1)) }), "superseded"],
    ["its spec has another digest", scaled, at(undefined, { replicas: 9 }), before({ spec: "0" }), "unsigned"],
    [
      "an autoscaler counts its replicas",
      scaled,
      at(undefined, { replicas: 9 }),
      before({ autoscaler: "hpa", spec: specDigest(at(1), true) }),
      "superseded"
    ],
    ["it is not the target, and nothing is known of it", scaled, at(4), before({ ref: aPod }), "unsigned"],
    [
      "its labels are not those of the patch",
      labelled,
      pod("p1", { labels: { app: "a" }, resourceVersion: "42" }),
      before({}),
      "superseded"
    ],
    [
      "its labels are those of the patch",
      labelled,
      pod("p1", { labels: {}, resourceVersion: "42" }),
      before({}),
      "unsigned"
    ]
  ] as const)("an object of a later version without a signature, where %s", (_claim, change, object, was, expected) => {
    assert.strictEqual(presenceOf(change, "r1-1", object, was), expected)
  })
})
