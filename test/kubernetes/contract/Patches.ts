/** Patch: versions, conflicts, and the changes that validation refuses. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Change } from "../../../src/domain/Change.ts"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import type { HorizontalPodAutoscaler } from "../../../src/kubernetes/ObjectModel.ts"
import { type ContractTests, created, newNamespace, refusedAs } from "./Fixtures.ts"
import { add, cronJob, deployment, patch, refOf, replace } from "./Manifests.ts"

type Operations = ReadonlyArray<unknown>

export const patches = (it: ContractTests): void => {
  it.effect(
    "a spec change increments the generation, every change renews the resourceVersion, and a no-op renews neither",
    () =>
      Effect.gen(function* () {
        const kubernetes = yield* KubernetesClient
        const namespace = yield* newNamespace("patch")
        const made = yield* created(namespace, cronJob("nightly"))
        const target = refOf(made)
        const suspended = (yield* kubernetes.apply(patch(target, replace("/spec/suspend", true))))!
        assert.strictEqual(suspended.metadata.generation, 2)
        assert.notStrictEqual(suspended.metadata.resourceVersion, made.metadata.resourceVersion)
        const labelled = (yield* kubernetes.apply(patch(target, add("/metadata/labels", { team: "shop" }))))!
        assert.strictEqual(labelled.metadata.generation, 2)
        assert.notStrictEqual(labelled.metadata.resourceVersion, suspended.metadata.resourceVersion)
        const same = (yield* kubernetes.apply(patch(target, replace("/metadata/labels/team", "shop"))))!
        assert.strictEqual(same.metadata.resourceVersion, labelled.metadata.resourceVersion)
      })
  )

  it.effect("a patch planned on an older resourceVersion fails with Conflict and changes nothing", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("conflict")
      const made = yield* created(namespace, cronJob("nightly"))
      const target = refOf(made)
      const planned = patch(
        target,
        replace("/metadata/resourceVersion", made.metadata.resourceVersion),
        replace("/spec/suspend", true)
      )
      yield* kubernetes.apply(patch(target, add("/metadata/labels", { touched: "yes" })))
      yield* refusedAs(kubernetes.apply(planned), "Conflict")
      yield* refusedAs(kubernetes.apply(planned, { dryRun: true }), "Conflict")
      const now = yield* kubernetes.get(target)
      assert.notStrictEqual((now["spec"] as { readonly suspend?: boolean }).suspend, true)
      const again = patch(
        target,
        replace("/metadata/resourceVersion", now.metadata.resourceVersion),
        replace("/spec/suspend", true)
      )
      assert.strictEqual((yield* kubernetes.apply(again))!.metadata.generation, 2)
    })
  )

  it.effect("a patch is applied before versions are compared: one that does not fit a newer object is Invalid", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("unfit")
      const made = yield* created(namespace, cronJob("nightly"))
      const target = refOf(made)
      yield* kubernetes.apply(patch(target, replace("/spec/suspend", true)))
      const planned = patch(
        target,
        replace("/metadata/resourceVersion", made.metadata.resourceVersion),
        add("/metadata/annotations/team", "shop")
      )
      yield* refusedAs(kubernetes.apply(planned), "Invalid")
      assert.notProperty((yield* kubernetes.get(target)).metadata, "annotations")
    })
  )

  it.effect("an invalid change is refused with the invalid fields, as a dry run and as a write", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("invalid")
      const target = refOf(yield* created(namespace, deployment("web", { replicas: 0 })))
      const refusedFields = (change: Change) =>
        Effect.gen(function* () {
          yield* refusedAs(kubernetes.apply(change, { dryRun: true }), "Invalid")
          const reason = yield* refusedAs(kubernetes.apply(change), "Invalid")
          return reason._tag === "Invalid" ? reason.fields : []
        })
      const main = "spec.template.spec.containers[0]"
      const resources = { requests: { memory: "2Gi" }, limits: { memory: "1Gi" } }
      const labels = replace("/spec/template/metadata/labels", { app: "other" })
      const table: ReadonlyArray<readonly [fields: "exactly" | "among others" | "any", field: string, ...Operations]> =
        [
          ["exactly", "spec.replicas", replace("/spec/replicas", -1)],
          ["exactly", `${main}.resources.requests`, replace("/spec/template/spec/containers/0/resources", resources)],
          ["among others", "spec.template.metadata.labels", labels],
          ["among others", "spec.selector", replace("/spec/selector/matchLabels", { app: "other" }), labels],
          ["any", "", replace("/spec/no/such/path", 1)],
          ["any", "", { op: "remove", path: "/metadata/annotations/never-there" }]
        ]
      for (const [fields, field, ...operations] of table) {
        const found = yield* refusedFields(patch(target, ...operations))
        if (fields === "exactly") assert.deepStrictEqual(found, [field])
        if (fields === "among others") assert.include(found, field)
      }
      assert.strictEqual((yield* kubernetes.get(target)).metadata.generation, 1)
    })
  )

  it.effect("an autoscaler refuses a minimum above its maximum", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("hpa")
      const made = yield* created(namespace, {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "web" },
        spec: {
          scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
          minReplicas: 2,
          maxReplicas: 5
        }
      })
      yield* refusedAs(kubernetes.apply(patch(refOf(made), replace("/spec/maxReplicas", 1))), "Invalid")
      const raised = yield* kubernetes.apply(patch(refOf(made), replace("/spec/maxReplicas", 8)))
      assert.strictEqual((raised as HorizontalPodAutoscaler).spec.maxReplicas, 8)
    })
  )
}
