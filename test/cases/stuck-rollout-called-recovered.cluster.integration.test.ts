/** A quota keeps the new ReplicaSet from creating a pod. The pods of the revision before are fine. */

import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { alertOf, make, obstacle } from "./RealCluster.ts"

const plane = await controlPlane()
afterAll(plane.stop)
const note = obstacle(plane)

const namespace = "t25b"
const folder = "stuck-rollout-called-recovered"

describe.skipIf(note !== "")(`a rollout that a quota stops${note}`, () => {
  it.live(
    "is not called recovered: a person is told that the quota keeps its pods from being created",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const cluster = make(plane)
          yield* Effect.acquireRelease(cluster.create(`${folder}/cluster-1.yaml`), () => cluster.remove(namespace))
          const service = yield* cluster.serve()
          yield* until("three pods", cluster.deployment(namespace, "web"), ({ status }) => status?.readyReplicas === 3)
          yield* cluster.apply(`${folder}/cluster-2.yaml`)
          yield* until(
            "the refusal",
            cluster.deployment(namespace, "web"),
            ({ status }) => status?.conditions?.some(({ type }) => type === "ReplicaFailure") === true
          )

          const [result] = yield* service.post(alertOf(`${folder}/alert.json`))
          const ended = yield* service.ended(result!.remediationId!)
          assert.strictEqual(ended.state, "Escalated")
          const { evidence, rootCause, rule } = ended.investigation!
          assert.strictEqual(rule, "pods-can-not-be-created")
          assert.include(rootCause, "exceeded quota: q")
          assert.include(evidence.join("\n"), "FailedCreate")
          assert.include(ended.conclusion, "exceeded quota: q")
          assert.deepStrictEqual(ended.executions, [])
          const { status } = yield* cluster.deployment(namespace, "web")
          assert.deepInclude(status, { readyReplicas: 3 })
          assert.isUndefined(status?.updatedReplicas, "nothing is called updated that is not")
        })
      ),
    180_000
  )
})
