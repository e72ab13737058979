/**
 * Actions whose effect depends on controllers that the sandbox only imitates: rollbacks of StatefulSets and DaemonSets,
 * drains that a disruption budget and a crash interrupt, and workloads that people manage with `kubectl apply`.
 */

import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient, type KubernetesObject } from "../../src/kubernetes/KubernetesClient.ts"
import { drainedPods } from "../../src/kubernetes/NodePods.ts"
import type { Deployment } from "../../src/kubernetes/ObjectModel.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { daemonSet, image, type Manifest, patch, statefulSet } from "../kubernetes/contract/Manifests.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import {
  act,
  create,
  createBudget,
  deploy,
  eventually,
  get,
  namespace,
  on,
  plan,
  podsOf,
  services,
  specOf,
  undo,
  undoRestores,
  verified
} from "./realCluster.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const kubectl =
  (...args: ReadonlyArray<string>) =>
  (stdin: string) =>
    execFileSync(
      fileURLToPath(new URL("../../scripts/control-plane/run", import.meta.url)),
      ["kubectl", "--namespace", namespace, ...args],
      { env: { ...process.env, KUBECONFIG: plane.kubeconfig }, input: stdin, encoding: "utf8" }
    )

const applied = (manifest: object) => Effect.sync(() => kubectl("apply", "-f", "-")(JSON.stringify(manifest)))

const imageOf = (object: KubernetesObject) => (object as Deployment).spec.template.spec.containers[0]?.image

/** A workload whose second revision is broken. */
const brokenRollout = Effect.fnUntraced(function* (manifest: Manifest) {
  const client = yield* KubernetesClient
  const { name } = manifest["metadata"] as { readonly name: string }
  const ref = on(String(manifest["kind"]), name)
  yield* create(ref.kind, name, "apps/v1", { spec: manifest["spec"] ?? {} })
  yield* eventually(
    `${name} is ready`,
    readWorkload(ref),
    ({ desiredReplicas, readyReplicas }) => (desiredReplicas ?? 0) > 0 && readyReplicas === desiredReplicas
  )
  yield* client.apply(patch(ref, image("bad-v2")))
  yield* eventually("the rollout fails", readWorkload(ref), ({ pods }) => pods.some(({ restarts }) => restarts > 0))
  return ref
})

describe.skipIf(!plane.available)(`Actions on a real control plane${plane.note}`, () => {
  shareLayer(services(plane.kubeconfig), { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () =>
      Effect.gen(function* () {
        yield* create("Namespace", namespace, "v1", {})
        yield* create("Pod", "first", "v1", {
          spec: { containers: [{ name: "main", image: "registry.example/app:v1" }] }
        }).pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
      })
    )

    it.effect.each([
      ["StatefulSet", statefulSet("db", { replicas: 3 }), 1],
      ["DaemonSet", daemonSet("agent"), 0]
    ] as const)(
      "rolls back a %s, its stuck pod included, verifies it, and undoes it",
      ([, manifest, stuck]) =>
        Effect.gen(function* () {
          const ref = yield* brokenRollout(manifest)
          const rollback: Action = { type: "RollbackDeployment", target: ref }
          assert.deepStrictEqual((yield* readWorkload(ref)).earlierRevisions, [1])
          const intent = yield* act(rollback, ref, `${ref.name}-rollback`, true)
          assert.lengthOf(
            intent.changes.filter(({ _tag }) => _tag === "Evict"),
            stuck
          )
          const verification = yield* verified(intent, ref)
          assert.strictEqual(verification.verdict, "fixed", verification.reasons.join("; "))
          assert.strictEqual(imageOf(yield* get(ref)), "registry.example/app:v1")
          assert.isTrue((yield* readWorkload(ref)).pods.every(({ current, ready }) => ready && current === true))
          assert.lengthOf((yield* plan({ ...rollback, toRevision: 3 }, ref, "again")).changes, 0)
          yield* undo(intent)
          assert.strictEqual(imageOf(yield* get(ref)), "registry.example/app:bad-v2")
          yield* undoRestores(ref, specOf, { ...rollback, toRevision: 3 }, ref, `${ref.name}-again`, true)
        }),
      180_000
    )

    it.effect(
      "drains a node that a budget and a crash interrupt, continues with what is left, and gives the node back",
      () =>
        Effect.gen(function* () {
          const client = yield* KubernetesClient
          yield* deploy("free", 3)
          yield* deploy("guarded", 1)
          yield* createBudget("guarded")
          const [guarded] = yield* podsOf("guarded")
          const nodeName = guarded!.spec.nodeName!
          const node = on("Node", nodeName)
          const left = Effect.map(client.list("Pod", { namespace }), (pods) => drainedPods(nodeName, pods))
          const intent = yield* plan({ type: "DrainNode", target: node }, node, `drain-${namespace}`, true)
          const run = (holds: Effect.Effect<boolean>) =>
            Effect.flatMap(Executor.Executor, (executor) =>
              executor.execute(intent, { holds, resumed: true, approved: true })
            ).pipe(
              Effect.provide(
                Executor.layer({ evictionInterval: "200 millis", evictionDeadline: "2 seconds" }).pipe(
                  Layer.provide(Layer.succeed(KubernetesClient, client))
                )
              )
            )
          let writes = 0
          yield* run(Effect.sync(() => ++writes <= 1))
          assert.isTrue((yield* get(node))["spec"] !== undefined)
          const stopped = yield* run(Effect.succeed(true))
          assert.deepStrictEqual([stopped.applied, stopped.failure], ["yes", "disruption-budget"], stopped.message)
          assert.include(
            (yield* left).map((pod) => pod.metadata.uid),
            guarded!.metadata.uid,
            "the budget holds"
          )
          const { metadata } = yield* get(on("PodDisruptionBudget", "guarded"))
          yield* client.apply({ _tag: "Delete", ref: on("PodDisruptionBudget", "guarded"), uid: metadata.uid })
          const continued = yield* run(Effect.succeed(true))
          assert.deepStrictEqual([continued.applied, continued.failure], ["yes", undefined], continued.message)
          yield* eventually("the node is empty", left, (pods) => pods.length === 0)
          yield* eventually(
            "the pods are ready elsewhere",
            readWorkload(on("Deployment", "guarded")),
            (state) => state.readyReplicas === 1
          )
          yield* undo(intent)
          assert.notProperty((yield* get(node))["spec"], "unschedulable")
        }),
      180_000
    )

    it.effect(
      "says what the next kubectl apply does about a rollback, and kubectl does just that",
      () =>
        Effect.gen(function* () {
          const ref = on("Deployment", "applied")
          const manifest = (tag: string, env: ReadonlyArray<object>) => ({
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { name: "applied" },
            spec: {
              replicas: 1,
              selector: { matchLabels: { app: "applied" } },
              template: {
                metadata: { labels: { app: "applied" } },
                spec: { containers: [{ name: "main", image: `registry.example/app:${tag}`, env }] }
              }
            }
          })
          const envOf = (object: KubernetesObject) =>
            (object as Deployment).spec.template.spec.containers[0]?.["env"] as ReadonlyArray<object> | undefined
          yield* applied(manifest("v1", [{ name: "MODE", value: "old" }]))
          yield* eventually("it is ready", readWorkload(ref), ({ readyReplicas }) => readyReplicas === 1)
          yield* applied(manifest("bad-v2", []))
          yield* eventually("it fails", readWorkload(ref), ({ pods }) => pods.some(({ restarts }) => restarts > 0))

          const executor = yield* Executor.Executor
          const intent: Intent = yield* plan({ type: "RollbackDeployment", target: ref }, ref, "applied", true)
          const outcome = yield* executor.execute(intent, { holds: Effect.succeed(true) })
          assert.include(outcome.message, "sets spec.template.spec.containers[main].image")
          assert.include(outcome.message, "leaves spec.template.spec.containers[main].env")
          assert.deepStrictEqual(envOf(yield* get(ref)), [{ name: "MODE", value: "old" }])

          yield* applied(manifest("bad-v2", []))
          const after = yield* get(ref)
          assert.strictEqual(imageOf(after), "registry.example/app:bad-v2", "it is put back")
          assert.deepStrictEqual(envOf(after), [{ name: "MODE", value: "old" }], "it is left")
        }),
      180_000
    )
  })
})
