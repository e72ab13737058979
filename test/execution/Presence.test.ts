import { assert, describe, it } from "@effect/vitest"
import { presenceOf } from "../../src/execution/Presence.ts"
import { deployment, pod } from "./objects.ts"

const checkout = { namespace: "shop", kind: "Deployment", name: "checkout" }
const aPod = { namespace: "shop", kind: "Pod", name: "p1" }

describe("presenceOf", () => {
  const patch = {
    _tag: "Patch",
    ref: checkout,
    patch: [{ op: "replace", path: "/metadata/resourceVersion", value: "41" }]
  } as const
  const signed = { annotations: { "kubernaut.dev/execution": "r1-1" } }
  const evict = { _tag: "Evict", ref: aPod, uid: "uid-p1" } as const
  const remove = { _tag: "Delete", ref: aPod, uid: "uid-p1" } as const
  const create = { _tag: "Create", ref: checkout, manifest: {} } as const

  it.each([
    [
      "a patched object carries the execution's id",
      patch,
      deployment({}, { ...signed, resourceVersion: "50" }),
      "present"
    ],
    ["the version it was planned on has not moved: it may still arrive", patch, deployment(), "absent"],
    [
      "the version has moved without us: it can't arrive any more",
      patch,
      deployment({}, { resourceVersion: "42" }),
      "superseded"
    ],
    [
      "the id is another execution's",
      patch,
      deployment({}, { annotations: { "kubernaut.dev/execution": "r0-1" }, resourceVersion: "42" }),
      "superseded"
    ],
    ["the object is gone, and with it what would tell", patch, undefined, "gone"],
    ["the pod is there", evict, pod("p1"), "absent"],
    ["the pod is leaving", evict, pod("p1", { deletionTimestamp: "2026-11-24T03:00:00Z" }), "present"],
    ["the pod is gone", evict, undefined, "present"],
    ["another pod has its name", evict, pod("p1", { uid: "another" }), "present"],
    ["an object to delete is there", remove, pod("p1"), "absent"],
    ["an object to delete is gone", remove, undefined, "present"],
    ["an object to create is missing", create, undefined, "absent"],
    ["an object to create is ours", create, deployment({}, signed), "present"],
    ["an object to create is another's", create, deployment(), "superseded"]
  ] as const)("%s", (_claim, change, object, expected) => {
    assert.strictEqual(presenceOf(change, "r1-1", object), expected)
  })

  it("an object of the same name that was made anew does not tell whether the change had reached the one before", () => {
    assert.strictEqual(presenceOf(patch, "r1-1", deployment(), "uid-of-before"), "gone")
  })
})
