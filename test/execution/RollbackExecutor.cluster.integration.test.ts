/** Round trips apply, roll back, read back against a real API server, seen with its own eyes. */

import { afterAll, assert, describe, layer as shareLayer } from "@effect/vitest"
import { Effect, Layer, Schedule } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { RollbackIntent, RollbackTrigger } from "../../src/domain/Rollback.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import * as RollbackExecutor from "../../src/execution/RollbackExecutor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { controlPlane } from "../kubernetes/controlPlane.ts"
import {
  act,
  create,
  createAutoscaler,
  createCronJob,
  deploy,
  get,
  namespace,
  on,
  podsOf,
  services,
  specOf,
  template
} from "./realCluster.ts"

const plane = await controlPlane()
afterAll(plane.stop)

const holds = Effect.succeed(true)

const planned = (intent: Intent, target: ResourceRef, trigger: RollbackTrigger = "failed-health-check", attempt = 1) =>
  Effect.flatMap(RollbackExecutor.RollbackExecutor, (executor) =>
    executor.plan({
      intent,
      outcome: { executionId: intent.executionId, applied: "yes", finishedAt: intent.plannedAt },
      target: { cluster: "real", ...target },
      trigger,
      attempt,
      remediationId: "r",
      epoch: 1
    })
  )

/** Plans again after a conflict, as the remediation does, because a status may change meanwhile. */
const undone = (intent: Intent, target: ResourceRef, trigger?: RollbackTrigger) =>
  Effect.gen(function* () {
    const executor = yield* RollbackExecutor.RollbackExecutor
    for (let attempt = 1; attempt <= 5; attempt++) {
      const rollback = yield* planned(intent, target, trigger, attempt)
      if ("_tag" in rollback) return assert.fail(`${rollback.code}: ${rollback.message}`)
      const outcome = yield* executor.execute(rollback, { holds, resumed: false, mayWrite: true })
      if (outcome.failure === "conflict" && outcome.applied === "no") continue
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined], outcome.message)
      const verification = yield* executor.verify(rollback, intent, { cluster: "real", ...target })
      assert.strictEqual(verification.restored, "yes", verification.reasons.join("; "))
      return rollback
    }
    return assert.fail("five conflicts")
  })

const roundTrip = (action: Action, target: ResourceRef, executionId: string) =>
  Effect.gen(function* () {
    const before = specOf(yield* get(action.target))
    const intent = yield* act(action, target, executionId, true)
    assert.notDeepEqual(specOf(yield* get(action.target)), before)
    const rollback = yield* undone(intent, target)
    assert.deepStrictEqual(specOf(yield* get(action.target)), before)
    return { intent, rollback }
  })

const replicasOf = (ref: ResourceRef) =>
  Effect.map(get(ref), (object) => (object["spec"] as { readonly replicas: number }).replicas)

describe.skipIf(!plane.available)(`RollbackExecutor on a real control plane${plane.note}`, () => {
  const provided = RollbackExecutor.layer().pipe(Layer.provideMerge(services(plane.kubeconfig)))
  shareLayer(provided, { excludeTestServices: true })((it) => {
    it.effect("starts with a namespace that accepts pods", () =>
      Effect.gen(function* () {
        yield* create("Namespace", namespace, "v1", {})
        // The API server refuses pods until the namespace has its ServiceAccount.
        yield* create("Pod", "first", "v1", {
          spec: { containers: [{ name: "main", image: "registry.example/app:v1" }] }
        }).pipe(Effect.retry({ times: 50, schedule: Schedule.spaced("100 millis") }))
      })
    )

    it.effect(
      "a Deployment has the spec from before after a scaling, other limits and another revision, each rolled back",
      () =>
        Effect.gen(function* () {
          yield* deploy("shop", 2)
          const target = on("Deployment", "shop")
          const client = yield* KubernetesClient
          yield* roundTrip({ type: "ScaleWorkload", target, replicas: 3 }, target, "scale")
          yield* roundTrip(
            {
              type: "AdjustResources",
              target,
              container: "main",
              limits: { memory: "256Mi" },
              requests: { cpu: "20m" }
            },
            target,
            "adjust"
          )
          // A field below which nothing was set before is absent again.
          yield* roundTrip(
            { type: "AdjustResources", target, container: "proxy", limits: { memory: "64Mi" } },
            target,
            "adjust-proxy"
          )
          const patch = [
            { op: "replace", path: "/spec/template/spec/containers/0/image", value: "registry.example/app:v2" }
          ] as const
          yield* client.apply({ _tag: "Patch", ref: target, patch })
          yield* Effect.sleep("2 seconds")
          yield* roundTrip({ type: "RollbackDeployment", target }, target, "revision")
        }),
      180_000
    )

    it.effect(
      "an autoscaler, a CronJob and the labels of a pod are as before",
      () =>
        Effect.gen(function* () {
          yield* deploy("scaled", 2)
          yield* createAutoscaler("scaled", 4)
          yield* createCronJob("report")
          const autoscaler = on("HorizontalPodAutoscaler", "scaled")
          yield* roundTrip({ type: "PatchHpa", target: autoscaler, maxReplicas: 6 }, on("Deployment", "scaled"), "hpa")
          const cronJob = on("CronJob", "report")
          yield* roundTrip({ type: "SuspendCronJob", target: cronJob }, cronJob, "suspend")
          const [pod] = yield* podsOf("scaled")
          const target = on("Pod", pod!.metadata.name)
          const labels = (yield* get(target)).metadata.labels
          const intent = yield* act({ type: "QuarantinePod", target }, on("Deployment", "scaled"), "quarantine", true)
          assert.notDeepEqual((yield* get(target)).metadata.labels, labels)
          const executor = yield* RollbackExecutor.RollbackExecutor
          const rollback = (yield* planned(intent, on("Deployment", "scaled"))) as RollbackIntent
          yield* executor.execute(rollback, { holds, resumed: false, mayWrite: true })
          assert.deepStrictEqual((yield* get(target)).metadata.labels, labels)
        }),
      180_000
    )

    it.effect(
      "a change of somebody else stops an automatic rollback and survives one that a person asks for; a run after a crash writes nothing",
      () =>
        Effect.gen(function* () {
          yield* deploy("edited", 2, template("edited"))
          const target = on("Deployment", "edited")
          const client = yield* KubernetesClient
          const intent = yield* act({ type: "ScaleWorkload", target, replicas: 3 }, target, "scale-edited", true)
          const patch = [{ op: "add", path: "/spec/minReadySeconds", value: 2 }] as const
          yield* client.apply({ _tag: "Patch", ref: target, patch })
          const stopped = yield* planned(intent, target)
          assert.deepStrictEqual("_tag" in stopped && [stopped.code, stopped.fields], [
            "changed-around",
            ["spec.minReadySeconds"]
          ])
          const rollback = yield* undone(intent, target, "operator")
          assert.strictEqual(yield* replicasOf(target), 2)
          const { generation } = (yield* get(target)).metadata
          assert.strictEqual(((yield* get(target))["spec"] as { minReadySeconds: number }).minReadySeconds, 2)
          const executor = yield* RollbackExecutor.RollbackExecutor
          const again = yield* executor.execute(rollback, { holds, resumed: true, mayWrite: true })
          assert.strictEqual(again.applied, "yes")
          assert.strictEqual((yield* get(target)).metadata.generation, generation)
          // Somebody writes another value over ours.
          yield* client.apply({
            _tag: "Patch",
            ref: target,
            patch: [{ op: "replace", path: "/spec/replicas", value: 4 }]
          })
          const refused = yield* planned(intent, target, "operator")
          assert.deepStrictEqual("_tag" in refused && [refused.code, refused.fields], [
            "changed-by-another",
            ["spec.replicas"]
          ])
        }),
      180_000
    )
  })
})
