/** Delete: the uid precondition, and garbage collection. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { type ContractTests, eventually, newNamespace, podsOf, refusedAs, running } from "./Fixtures.ts"
import { refOf, remove, unusedUid } from "./Manifests.ts"

export const deletions = (it: ContractTests): void => {
  it.effect("a delete requires the object's uid, and removes the object and everything it owns", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("delete")
      const made = yield* running(namespace)
      yield* refusedAs(kubernetes.apply(remove(made, unusedUid)), "Conflict")
      assert.isUndefined(yield* kubernetes.apply(remove(made)))
      yield* refusedAs(kubernetes.get(refOf(made)), "NotFound")
      yield* eventually("its pods are gone", podsOf(namespace, "web"), (pods) => pods.length === 0)
      assert.isEmpty(yield* kubernetes.list("ReplicaSet", { namespace }))
    })
  )
}
