/** Refusals that appear only after a write: to the controller that creates the pods. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { failureIn } from "../../../src/kubernetes/FailureOfReason.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { type ContractTests, created, eventually, inForce, newNamespace } from "./Fixtures.ts"
import { daemonSet, deployment, type Manifest, quota, refOf, statefulSet } from "./Manifests.ts"

const inParallel = (manifest: Manifest): Manifest => ({
  ...manifest,
  spec: { ...(manifest["spec"] as Manifest), podManagementPolicy: "Parallel" }
})

const workloads: ReadonlyArray<readonly [kind: string, manifest: Manifest]> = [
  ["Deployment", deployment("web", { replicas: 2 })],
  ["StatefulSet", inParallel(statefulSet("web"))],
  ["DaemonSet", daemonSet("web")]
]

export const refusedPods = (it: ContractTests): void => {
  for (const [kind, manifest] of workloads) {
    it.effect(`a ${kind} is accepted although a quota refuses its pods, and its state says so with the figures`, () =>
      Effect.gen(function* () {
        const namespace = yield* newNamespace(`refused-${kind.toLowerCase()}`)
        yield* inForce(namespace, quota("no-pods", { pods: "0" }))
        const target = refOf(yield* created(namespace, manifest))
        const state = yield* eventually(
          "the refusal",
          readWorkload(target),
          ({ failedCreate }) => typeof failedCreate === "string"
        )
        assert.deepStrictEqual(failureIn(state.failedCreate ?? ""), {
          code: "quota-exceeded",
          category: "resource",
          remedy: "Raise ResourceQuota no-pods, or free some of what it counts.",
          shortages: [{ quota: "no-pods", resource: "pods", requested: "1", used: "0", hard: "0" }]
        })
      })
    )
  }

  it.effect("a StatefulSet whose pods a LimitRange refuses says so by events", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("refused-range")
      yield* created(namespace, {
        apiVersion: "v1",
        kind: "LimitRange",
        metadata: { name: "memory" },
        spec: { limits: [{ type: "Container", max: { memory: "1Mi" } }] }
      })
      const target = refOf(yield* created(namespace, statefulSet("web")))
      const state = yield* eventually(
        "the refusal",
        readWorkload(target),
        ({ failedCreate }) => typeof failedCreate === "string"
      )
      assert.deepInclude(failureIn(state.failedCreate ?? ""), { code: "limit-range", category: "resource" })
    })
  )
}
