/** The same rollout on a real control plane, with a hundredth of its delays. */

import { readFileSync } from "node:fs"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import { parseAllDocuments } from "yaml"
import type { Intent } from "../../src/domain/Execution.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as Monotonic from "../../src/resilience/Monotonic.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { eventually } from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const namespace = `slow-${process.hrtime.bigint().toString(36)}`
const ref = { namespace, kind: "Deployment", name: "jvm" }

const objects = parseAllDocuments(
  readFileSync(new URL("slow-rollout-called-not-fixed/cluster.yaml", import.meta.url), "utf8")
    .replaceAll("t20", namespace)
    .replaceAll("100s", "2s")
).map((document) => document.toJS() as KubernetesObject)

const services = Verifier.layer({
  stabilisation: "1 second",
  settleTimeout: "3 seconds",
  pollIntervalCap: "300 millis"
}).pipe(Layer.provideMerge(Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig }))))

describe.skipIf(!plane.available)(`a slow rollout on a real control plane${plane.note}`, () => {
  it.live("is watched beyond the time to settle while it makes progress, and is then fixed", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      for (const object of objects) {
        yield* client
          .apply({
            _tag: "Create",
            ref: { namespace: object.metadata.namespace ?? "", kind: object.kind, name: object.metadata.name },
            manifest: object as never
          })
          .pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
      }
      const baseline = yield* eventually(
        "the pods are ready",
        readWorkload(ref),
        ({ readyReplicas }) => readyReplicas === 4
      )
      yield* client.apply({
        _tag: "Patch",
        ref,
        patch: [
          {
            op: "add",
            path: "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt",
            value: "2026-11-28T01:00:00Z"
          }
        ]
      })
      const plannedAt = yield* Timestamp.now
      const intent: Intent = {
        executionId: "r-1",
        action: { type: "RestartWorkload", target: ref },
        changes: [],
        inverse: { _tag: "NotNeeded", reason: "" },
        baseline,
        plannedAt
      }
      const verifier = yield* Verifier.Verifier
      const startedAtMs = yield* Monotonic.nowMs
      const { reasons, verdict } = yield* verifier.verify({
        intent,
        target: { cluster: "real", ...ref },
        actedAt: plannedAt,
        posts: Effect.succeed({ resolvedAt: plannedAt })
      })
      assert.strictEqual(verdict, "fixed", reasons.join("; "))
      assert.isAbove((yield* Monotonic.nowMs) - startedAtMs, 6000, "four pods, one after the other, each two seconds")
    }).pipe(Effect.provide(services))
  )
})
