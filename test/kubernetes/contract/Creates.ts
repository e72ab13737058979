/** Create: the metadata that the server sets, and its refusals. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { type ContractTests, created, Fixtures, inForce, newNamespace, refusedAs } from "./Fixtures.ts"
import { deployment, pod, quota, refOf } from "./Manifests.ts"

export const creates = (it: ContractTests): void => {
  it.effect(
    "a created object gets its metadata from the server, and cannot be created twice or in a missing namespace",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const namespace = yield* newNamespace("create")
        const made = yield* created(namespace, deployment("web"))
        assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/)
        assert.strictEqual(made.metadata.generation, 1)
        assert.match(made.metadata.creationTimestamp ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
        assert.strictEqual((yield* kubernetes.get(refOf(made))).metadata.uid, made.metadata.uid)
        yield* refusedAs(created(namespace, deployment("web")), "AlreadyExists")
        yield* refusedAs(created(`${(yield* Fixtures).run}-nowhere`, deployment("web")), "NotFound")
      })
  )

  it.effect("a pod that exceeds a quota is refused with the name of the quota", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("quota")
      yield* inForce(namespace, quota("small", { pods: "1" }))
      yield* created(namespace, pod("one"))
      const reason = yield* refusedAs(created(namespace, pod("two")), "QuotaExceeded")
      assert.deepStrictEqual(reason, { _tag: "QuotaExceeded", quota: "small" })
    })
  )
}
