/** Dry run: admission and validation without a write. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { type ContractTests, created, newNamespace, refusedAs } from "./Fixtures.ts"
import { configMap, create, cronJob, patch, ref, refOf, remove, replace } from "./Manifests.ts"

export const dryRuns = (it: ContractTests): void => {
  it.effect("a dry run of a patch returns the changed object, and no dry run stores anything", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("dry")
      const made = yield* created(namespace, cronJob("nightly"))
      const target = refOf(made)
      const changed = (yield* kubernetes.apply(patch(target, replace("/spec/suspend", true)), { dryRun: true }))!
      assert.isTrue((changed["spec"] as { readonly suspend?: boolean }).suspend)
      yield* kubernetes.apply(create(namespace, configMap("ghost")), { dryRun: true })
      yield* kubernetes.apply(remove(made), { dryRun: true })
      assert.strictEqual((yield* kubernetes.get(target)).metadata.resourceVersion, made.metadata.resourceVersion)
      yield* refusedAs(kubernetes.get(ref(namespace, "ConfigMap", "ghost")), "NotFound")
    })
  )
}
