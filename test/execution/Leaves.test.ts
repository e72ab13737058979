import { assert, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { SeenObject } from "../../src/domain/Seen.ts"
import { leavesOf } from "../../src/execution/Leaves.ts"
import type { KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { state } from "../changes/scenes.ts"

it("an object that is created has no version after a dry run, and can be journaled all the same", () => {
  const ref = { namespace: "shop", kind: "Service", name: "checkout" }
  // What an API server returns: a uid that the object will not have, and no version.
  const object = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "checkout", namespace: "shop", uid: "of-the-dry-run" },
    spec: { selector: { app: "checkout" } }
  } as unknown as KubernetesObject
  const leaves = leavesOf(state(), [{ ref, object, created: true }])
  const encoded = Schema.encodeUnknownResult(Schema.Array(SeenObject))(leaves)
  assert.isTrue(Result.isSuccess(encoded))
  assert.deepStrictEqual([leaves[1]?.uid, leaves[1]?.resourceVersion], [null, null])
})
