/** Create: the metadata that the server sets, and its refusals. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import { conditionOf, type ReplicaSet } from "../../../src/kubernetes/ObjectModel.ts"
import { type ContractTests, created, eventually, Fixtures, inForce, newNamespace, refusedAs } from "./Fixtures.ts"
import { create, deployment, pod, quota, ref, refOf, remove } from "./Manifests.ts"

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
      assert.deepInclude(reason, { _tag: "QuotaExceeded", quota: "small" })
    })
  )

  it.effect("a pod above the maximum of a LimitRange is refused without the name of a quota, also as a dry run", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("limits")
      yield* created(namespace, {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "memory" },
        spec: { limits: [{ type: "Container", max: { memory: "64Mi" } }] }
      })
      const kubernetes = yield* KubernetesClient
      const attempt = create(namespace, pod("large"))
      // A real API server sees a new LimitRange a moment later.
      yield* eventually(
        "the LimitRange is in force",
        Effect.match(kubernetes.apply(attempt, { dryRun: true }), { onFailure: () => true, onSuccess: () => false }),
        (refused) => refused
      )
      const dry = yield* refusedAs(kubernetes.apply(attempt, { dryRun: true }), "QuotaExceeded")
      assert.deepStrictEqual(dry, { _tag: "QuotaExceeded" })
      assert.deepStrictEqual(yield* refusedAs(kubernetes.apply(attempt), "QuotaExceeded"), dry)
    })
  )

  it.effect("a Deployment whose pods a LimitRange refuses is accepted, and reports FailedCreate", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("limits-owned")
      yield* created(namespace, {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "memory" },
        spec: { limits: [{ type: "Container", max: { memory: "64Mi" } }] }
      })
      const kubernetes = yield* KubernetesClient
      yield* eventually(
        "the LimitRange is in force",
        Effect.match(kubernetes.apply(create(namespace, pod("large")), { dryRun: true }), {
          onFailure: () => true,
          onSuccess: () => false
        }),
        (refused) => refused
      )
      yield* created(namespace, deployment("web"))
      yield* eventually(
        "the ReplicaSet reports FailedCreate",
        kubernetes.list("ReplicaSet", { namespace }),
        ([set]) =>
          conditionOf((set as ReplicaSet | undefined)?.status?.conditions, "ReplicaFailure")?.reason === "FailedCreate"
      )
      assert.lengthOf(yield* kubernetes.list("Pod", { namespace, labelSelector: { app: "web" } }), 0)
    })
  )

  it.effect("nothing can be created in a namespace that is being deleted", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("ending")
      yield* created(namespace, deployment("web"))
      const kubernetes = yield* KubernetesClient
      yield* kubernetes.apply(remove(yield* kubernetes.get(ref("", "Namespace", namespace))))
      const ending = yield* kubernetes.get(ref("", "Namespace", namespace))
      assert.isDefined(ending.metadata.deletionTimestamp)
      assert.strictEqual((ending["status"] as { readonly phase?: string }).phase, "Terminating")
      yield* refusedAs(created(namespace, pod("late")), "PolicyDenied")
      yield* eventually(
        "the namespace is gone",
        Effect.match(kubernetes.get(ref("", "Namespace", namespace)), {
          onFailure: () => true,
          onSuccess: () => false
        }),
        (gone) => gone
      )
    })
  )
}
