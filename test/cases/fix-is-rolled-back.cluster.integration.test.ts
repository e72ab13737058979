/** Pods of revision 1 crash. An engineer ships revision 2, and its first pod still starts when the alert comes. */

import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { until } from "../integration/Service.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import { alertOf, make, obstacle, type Pod } from "./RealCluster.ts"

const plane = await controlPlane()
afterAll(plane.stop)
const note = obstacle(plane)

const namespace = "t1"
const folder = "fix-is-rolled-back"

const crashes = ({ status }: Pod): boolean =>
  status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === "CrashLoopBackOff") === true

describe.skipIf(note !== "")(`a fix that is still starting${note}`, () => {
  it.live(
    "is not rolled back for the crashes of the revision before: a person is told that the rollout is under way",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const cluster = make(plane)
          yield* Effect.acquireRelease(cluster.create(`${folder}/cluster-1.yaml`), () => cluster.remove(namespace))
          const service = yield* cluster.serve()
          yield* until("three pods", cluster.deployment(namespace, "web"), ({ status }) => status?.readyReplicas === 3)
          for (const { metadata } of yield* cluster.pods(namespace, "web"))
            yield* cluster.patch({
              apiVersion: "v1",
              kind: "Pod",
              metadata: { namespace, name: metadata!.name!, annotations: { "sim/fail": "crashloop" } }
            })
          const old = yield* until(
            "crashing pods",
            cluster.pods(namespace, "web"),
            (pods) => pods.length === 3 && pods.every(crashes)
          )
          yield* cluster.apply(`${folder}/cluster-2.yaml`)
          yield* until("a pod of revision 2", cluster.pods(namespace, "web"), (pods) =>
            pods.some((pod) => pod.status?.phase === "Pending" && !crashes(pod))
          )

          const [result] = yield* service.post(alertOf(`${folder}/alert.json`, { pod: old[0]!.metadata!.name! }))
          const ended = yield* service.ended(result!.remediationId!)
          assert.strictEqual(ended.investigation?.rule, "rollout-is-under-way")
          assert.strictEqual(ended.decision?.action.type, "Notify")
          assert.deepStrictEqual(ended.executions, [])
          assert.strictEqual(
            (yield* cluster.deployment(namespace, "web")).spec.template.spec.containers[0]!.image,
            "web:2"
          )
          const evidence = ended.investigation!.evidence.join("\n")
          assert.match(evidence, /The rollout of revision 2 is under way\. It began at/)
          assert.match(evidence, /Pods of earlier revisions report CrashLoopBackOff/)
        })
      ),
    180_000
  )
})
