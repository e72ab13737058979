/** Applies every exact inverse on the sandbox. The integration test does so on a real API server. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import { Executor } from "../../src/execution/Executor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { readWorkload } from "../../src/kubernetes/WorkloadReader.ts"
import { daemonSet, image, type Manifest, patch, statefulSet } from "../kubernetes/contract/Manifests.ts"
import { exact, on } from "./acting.ts"
import { layer, script } from "./faults.ts"

const specOf = (action: Action) =>
  Effect.flatMap(KubernetesClient, (client) =>
    Effect.map(client.get(action.target), (object) => structuredClone(object["spec"]))
  )

const carriedOut = Effect.fnUntraced(function* (action: Action, executionId: string) {
  const executor = yield* Executor
  const intent = yield* executor.plan({
    action,
    target: { cluster: "test", ...action.target },
    remediationId: "r1",
    executionId,
    epoch: 1
  })
  assert.strictEqual((yield* executor.execute(intent, { holds: Effect.succeed(true) })).applied, "yes")
  return intent
})

const undone = Effect.fnUntraced(function* (action: Action, executionId: string) {
  const client = yield* KubernetesClient
  const before = yield* specOf(action)
  const { inverse } = yield* carriedOut(action, executionId)
  assert.strictEqual(inverse._tag, "Exact")
  assert.notDeepEqual(yield* specOf(action), before)
  for (const change of inverse._tag === "Exact" ? inverse.changes : []) yield* client.apply(change)
  assert.deepStrictEqual(yield* specOf(action), before)
})

const shop = (kind: string, name: string, spec: Manifest): Manifest => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name, namespace: "shop" },
  spec
})

/** Makes a workload with two revisions, of which the second is broken. */
const brokenRollout = Effect.fnUntraced(function* (manifest: Manifest) {
  const client = yield* KubernetesClient
  const ref = on(String(manifest["kind"]), String((manifest["metadata"] as Manifest)["name"]))
  yield* client.apply({ _tag: "Create", ref, manifest })
  yield* TestClock.adjust("1 minute")
  yield* client.apply(patch(ref, image("bad-v2")))
  yield* TestClock.adjust("1 minute")
  return ref
})

const revisioned: ReadonlyArray<readonly [kind: string, manifest: Manifest]> = [
  ["StatefulSet", shop("StatefulSet", "db", statefulSet("db")["spec"] as Manifest)],
  ["DaemonSet", shop("DaemonSet", "agent", daemonSet("agent")["spec"] as Manifest)]
]

describe("an exact inverse restores the spec exactly", () => {
  it.effect.each(exact)("$type of $target.name", (action) =>
    undone(action, "r1-1").pipe(Effect.provide(layer(script())))
  )

  it.effect.each(revisioned)("RollbackDeployment of a %s, whose pods then serve the earlier template", ([, manifest]) =>
    Effect.gen(function* () {
      const target = yield* brokenRollout(manifest)
      const broken = yield* readWorkload(target)
      assert.isTrue(broken.pods.some(({ ready }) => !ready))
      yield* undone({ type: "RollbackDeployment", target }, "r1-1")
      yield* carriedOut({ type: "RollbackDeployment", target }, "r1-2")
      yield* TestClock.adjust("2 minutes")
      const healed = yield* readWorkload(target)
      assert.isNotEmpty(healed.pods)
      assert.isTrue(healed.pods.every(({ current, ready }) => ready && current === true))
      assert.isFalse(healed.rollout?.inProgress)
    }).pipe(Effect.provide(layer(script())))
  )

  it.effect("UncordonNode of node-1", () =>
    Effect.gen(function* () {
      yield* carriedOut({ type: "CordonNode", target: on("Node", "node-1", "") }, "r1-1")
      yield* undone({ type: "UncordonNode", target: on("Node", "node-1", "") }, "r1-2")
    }).pipe(Effect.provide(layer(script())))
  )
})
