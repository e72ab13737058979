/** Evict: the uid precondition, and disruption budgets. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { PodDisruptionBudget } from "../../../src/kubernetes/ObjectModel.ts"
import {
  type ContractTests,
  created,
  eventually,
  newNamespace,
  podsOf,
  refusal,
  refusedAs,
  running,
  settled
} from "./Fixtures.ts"
import { budget, evict, patch, ref, refOf, remove, replace, unusedUid } from "./Manifests.ts"

export const evictions = (it: ContractTests): void => {
  it.effect("an evicted pod is replaced, and an eviction with another uid or as a dry run leaves the pod alone", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("evict")
      const target = refOf(yield* running(namespace))
      const [victim] = yield* podsOf(namespace, "web")
      yield* refusedAs(kubernetes.apply(evict(victim!, unusedUid)), "Conflict")
      assert.isUndefined(yield* kubernetes.apply(evict(victim!), { dryRun: true }))
      assert.strictEqual((yield* kubernetes.get(refOf(victim!))).metadata.deletionTimestamp, undefined)
      assert.isUndefined(yield* kubernetes.apply(evict(victim!)))
      yield* eventually(
        "the pod is gone",
        podsOf(namespace, "web"),
        (pods) => !pods.some((each) => each.metadata.uid === victim!.metadata.uid)
      )
      yield* settled(target, 2)
    })
  )

  it.effect("a disruption budget refuses an eviction as retryable, and two budgets for one pod as not retryable", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("budget")
      yield* running(namespace)
      yield* created(namespace, budget("first", "web", 1))
      const allowed = (count: number) =>
        eventually(`budget allows ${count}`, kubernetes.get(ref(namespace, "PodDisruptionBudget", "first")), (each) => {
          const { status, metadata } = each as PodDisruptionBudget
          return (
            status?.disruptionsAllowed === count
            && status.observedGeneration === metadata.generation
            && status.expectedPods === 2
          )
        })
      yield* allowed(1)
      const [one] = yield* podsOf(namespace, "web")
      yield* kubernetes.apply(evict(one!), { dryRun: true })
      yield* kubernetes.apply(patch(ref(namespace, "PodDisruptionBudget", "first"), replace("/spec/minAvailable", 2)))
      yield* allowed(0)
      yield* refusedAs(kubernetes.apply(evict(one!)), "DisruptionBudget", true)
      yield* created(namespace, budget("second", "web", 1))
      const both = yield* refusal(kubernetes.apply(evict(one!)))
      assert.isFalse(both.retryable)
      assert.deepStrictEqual(both.reason, { _tag: "Unavailable", status: 500, because: "several-budgets" })
      assert.isUndefined((yield* kubernetes.get(refOf(one!))).metadata.deletionTimestamp)
      // A budget left behind would block every later drain of this cluster.
      for (const each of yield* kubernetes.list("PodDisruptionBudget", { namespace }))
        yield* kubernetes.apply(remove(each))
    })
  )
}
