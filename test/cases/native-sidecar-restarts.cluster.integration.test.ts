/** An init container with `restartPolicy: Always` is OOM-killed again and again, and its pods stay ready. */

import { readFileSync } from "node:fs"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { CoreV1Api, KubeConfig, type V1Pod } from "@kubernetes/client-node"
import { Effect, Layer, Schedule } from "effect"
import { parseAllDocuments } from "yaml"
import type { Intent } from "../../src/domain/Execution.ts"
import * as Timestamp from "../../src/domain/Timestamp.ts"
import * as ClientNode from "../../src/kubernetes/ClientNode.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import * as Verifier from "../../src/verification/Verifier.ts"
import { eventually } from "../execution/realCluster.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const namespace = `sidecars-${process.hrtime.bigint().toString(36)}`
const ref = { namespace, kind: "Deployment", name: "web" }

const objects = parseAllDocuments(
  readFileSync(new URL("native-sidecar-restarts/cluster.yaml", import.meta.url), "utf8").replaceAll("t21", namespace)
).map((document) => document.toJS() as KubernetesObject)

/** Reports one more OOM kill of the sidecar of each pod, as a kubelet would; the pods stay ready. */
const kill = Effect.promise(async () => {
  const config = new KubeConfig()
  config.loadFromFile(plane.kubeconfig)
  const api = config.makeApiClient(CoreV1Api)
  const { items } = await api.listNamespacedPod({ namespace })
  for (const pod of items) {
    const before = pod.status?.initContainerStatuses?.[0]?.restartCount ?? 0
    const at = new Date()
    const body: V1Pod = {
      ...pod,
      status: {
        ...pod.status,
        initContainerStatuses: [
          {
            name: "proxy",
            image: "proxy:1",
            imageID: "",
            ready: true,
            started: true,
            restartCount: before + 1,
            state: { running: { startedAt: at } },
            lastState: { terminated: { exitCode: 137, reason: "OOMKilled", startedAt: at, finishedAt: at } }
          }
        ]
      }
    }
    await api.replaceNamespacedPodStatus({ name: pod.metadata!.name!, namespace, body }).catch(() => undefined)
  }
})

const services = Verifier.layer({
  stabilisation: "3 seconds",
  settleTimeout: "8 seconds",
  pollIntervalCap: "300 millis"
}).pipe(Layer.provideMerge(Layer.orDie(ClientNode.layer({ kubeconfig: plane.kubeconfig }))))

describe.skipIf(!plane.available)(`a native sidecar on a real control plane${plane.note}`, () => {
  it.live("that is OOM-killed again and again keeps its ready workload from being fixed", () =>
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
        ({ readyReplicas }) => readyReplicas === 2
      )
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
      const verify = verifier.verify({
        intent,
        target: { cluster: "real", ...ref },
        actedAt: plannedAt,
        // Even the end of the alert does not make it fixed.
        posts: Effect.succeed({ resolvedAt: plannedAt })
      })
      const killed = yield* Effect.raceFirst(verify, Effect.forever(Effect.andThen(kill, Effect.sleep("1 second"))))
      assert.strictEqual(killed.verdict, "not-fixed", killed.reasons.join("; "))
      assert.match(killed.reasons.join("; "), /^restarting: web-/)
      assert.deepStrictEqual([killed.observed?.readyReplicas, killed.observed?.pods.length], [2, 2])
      // The same workload is fixed once its sidecars stay up.
      assert.strictEqual((yield* verify).verdict, "fixed")
    }).pipe(Effect.provide(services))
  )
})
