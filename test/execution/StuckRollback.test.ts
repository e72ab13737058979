/** The undo of an action that broke a StatefulSet includes the pods that block the restored template (kubernetes#67250). */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import { Executor } from "../../src/execution/Executor.ts"
import * as RollbackExecutor from "../../src/execution/RollbackExecutor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { daemonSet, type Manifest, statefulSet } from "../kubernetes/contract/Manifests.ts"
import { inputFor, on } from "./acting.ts"
import { inTime, layer, script } from "./faults.ts"

const holds = Effect.succeed(true)
const services = RollbackExecutor.layer().pipe(Layer.provideMerge(layer(script())))

/** The pods of the workload need 100Mi, so less memory breaks them. */
const made = Effect.fnUntraced(function* (manifest: Manifest) {
  const client = yield* KubernetesClient
  const ref = on(String(manifest["kind"]), "db")
  yield* client.apply({ _tag: "Create", ref, manifest: { ...manifest, metadata: { name: "db", namespace: "shop" } } })
  yield* TestClock.adjust("1 minute")
  return ref
})

const needs = { annotations: { "sim/memory-need": "100Mi" } }
const parallel = {
  ...statefulSet("db", needs),
  spec: { ...(statefulSet("db", needs)["spec"] as Manifest), podManagementPolicy: "Parallel" }
}

describe("the undo of an action that broke", () => {
  it.effect.each([
    ["a StatefulSet evicts the pod that blocks it", statefulSet("db", needs), 1],
    ["a StatefulSet with parallel pods evicts none", parallel, 0],
    ["a DaemonSet evicts none", daemonSet("db", needs), 0]
  ] as const)("%s, and its pods serve again", ([, manifest, evictions]) =>
    Effect.gen(function* () {
      const target = yield* made(manifest)
      const executor = yield* Executor
      const action: Action = { type: "AdjustResources", target, container: "main", limits: { memory: "64Mi" } }
      const { intent } = yield* executor.draft(inputFor(action))
      const outcome = yield* executor.execute(intent, { holds, approved: true })
      yield* TestClock.adjust("1 minute")
      assert.isTrue((yield* readWorkload(target)).pods.some(({ ready }) => !ready))

      const rollbacks = yield* RollbackExecutor.RollbackExecutor
      const back = yield* rollbacks.plan({
        intent,
        outcome,
        target: { cluster: "test", ...target },
        trigger: "failed-health-check",
        attempt: 1,
        remediationId: "r1",
        epoch: 1
      })
      if ("_tag" in back) return assert.fail(back.message)
      assert.lengthOf(
        back.changes.filter(({ _tag }) => _tag === "Evict"),
        evictions
      )
      const undone = yield* inTime(rollbacks.execute(back, { holds, resumed: false, mayWrite: true }))
      assert.strictEqual(undone.applied, "yes", undone.message)
      yield* TestClock.adjust("3 minutes")
      const { pods, rollout } = yield* readWorkload(target)
      assert.isNotEmpty(pods)
      assert.isTrue(pods.every(({ current, ready }) => ready && current === true))
      assert.isFalse(rollout?.inProgress)
    }).pipe(Effect.provide(services))
  )
})
