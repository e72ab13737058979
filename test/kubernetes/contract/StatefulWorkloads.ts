/** StatefulSets and Jobs. */

import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { KubernetesClient } from "../../../src/kubernetes/KubernetesClient.ts"
import * as OwnerResolver from "../../../src/kubernetes/OwnerResolver.ts"
import { readWorkload } from "../../../src/kubernetes/WorkloadReader.ts"
import { type ContractTests, created, eventually, newNamespace, settled } from "./Fixtures.ts"
import { image, job, patch, refOf, statefulSet } from "./Manifests.ts"

export const statefulWorkloads = (it: ContractTests): void => {
  it.effect("a StatefulSet starts in order, and a new template replaces its pods under the same names", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("stateful")
      const made = yield* created(namespace, statefulSet("db"))
      const before = yield* settled(refOf(made), 2)
      assert.deepStrictEqual(before.pods.map((each) => each.name).sort(), ["db-0", "db-1"])
      yield* kubernetes.apply(patch(refOf(made), image("v2")))
      const after = yield* eventually(
        "both are new",
        readWorkload(refOf(made)),
        (state) =>
          state.updatedReplicas === 2
          && state.readyReplicas === 2
          && state.pods.length === 2
          && state.pods.every((each) => !before.pods.some((old) => old.uid === each.uid))
      )
      assert.deepStrictEqual(after.pods.map((each) => each.name).sort(), ["db-0", "db-1"])
      assert.lengthOf(yield* kubernetes.list("ControllerRevision", { namespace }), 2)
    })
  )

  it.effect("a StatefulSet does not create its second pod before its first is ready", () =>
    Effect.gen(function* () {
      const namespace = yield* newNamespace("ordered")
      const made = yield* created(namespace, statefulSet("db", { tag: "bad-v1" }))
      const stuck = yield* eventually(
        "the first pod crash-loops",
        readWorkload(refOf(made)),
        (state) => (state.restarts ?? 0) >= 2
      )
      assert.deepStrictEqual(
        stuck.pods.map((each) => each.name),
        ["db-0"]
      )
    })
  )

  it.effect("a Job completes, and is the root owner of its pod", () =>
    Effect.gen(function* () {
      const kubernetes = yield* KubernetesClient
      const namespace = yield* newNamespace("job")
      const made = yield* created(namespace, job("once"))
      const done = yield* eventually("the Job is complete", readWorkload(refOf(made)), (state) =>
        state.conditions.some((each) => each.type === "Complete" && each.status === "True")
      )
      assert.strictEqual(done.desiredReplicas, 1)
      const [worker] = yield* kubernetes.list("Pod", { namespace, labelSelector: { "job-name": "once" } })
      assert.deepStrictEqual(yield* (yield* OwnerResolver.OwnerResolver).resolve(refOf(worker!)), refOf(made))
    })
  )
}
