/** Logs: the last lines of a container. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { type ContractTests, newNamespace, podsOf, refusedAs, running } from "./Fixtures.ts"
import { refOf } from "./Manifests.ts"

export const logs = (it: ContractTests): void => {
  it.effect("logs returns the last lines of a running container, and refuses an unknown container as Invalid", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("logs")
      yield* running(namespace)
      const [one] = yield* podsOf(namespace, "web")
      const all = yield* kubernetes.logs(refOf(one!), { container: "main", tailLines: 100 })
      const last = yield* kubernetes.logs(refOf(one!), { tailLines: 1 })
      assert.isNotEmpty(last)
      assert.isTrue(all.endsWith(last))
      assert.lengthOf(last.trimEnd().split("\n"), 1)
      yield* refusedAs(kubernetes.logs(refOf(one!), { container: "no-such-container", tailLines: 1 }), "Invalid")
    })
  )
}
