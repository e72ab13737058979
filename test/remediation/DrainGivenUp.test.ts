/** Whole remediations that drain a node: one that a disruption budget stops gives the node back. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { stuckRollout } from "../../examples/embedded/Service.ts"
import type { Action } from "../../src/domain/Action.ts"
import type { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { drainedPods } from "../../src/kubernetes/NodePods.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import { begun, investigatorOf } from "./remediating.ts"

const node = { namespace: "", kind: "Node", name: "node-1" }
const drain: Action = { type: "DrainNode", target: node }

const [alert] = stuckRollout.alerts
const nodeAlert: typeof stuckRollout = {
  ...stuckRollout,
  alerts: [
    {
      ...alert!,
      fingerprint: "node",
      labels: { alertname: "KubeNodeReadinessFlapping", severity: "critical", node: "node-1" }
    }
  ]
}

type Client = KubernetesClient["Service"]

const isCordoned = (client: Client) =>
  Effect.map(client.get(node), (object) => (object as Node).spec?.unschedulable === true)

/** A budget that allows no eviction of any pod of `search`. */
const guard = (client: Client) =>
  client.apply({
    _tag: "Create",
    ref: { namespace: "shop", kind: "PodDisruptionBudget", name: "all-of-search" },
    manifest: {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: { name: "all-of-search", namespace: "shop" },
      spec: { minAvailable: "100%", selector: { matchLabels: { app: "search" } } }
    }
  })

describe("a drain", () => {
  it.effect("that a disruption budget stops gives the node back, and the pods that are left stay", () =>
    Effect.gen(function* () {
      const run = yield* begun(
        investigatorOf(() => drain),
        {},
        {},
        nodeAlert
      )
      yield* guard(run.client)
      assert.strictEqual((yield* run.outcome).state, "AwaitingReview")
      const ended = yield* run.approve
      assert.strictEqual(ended.executions.at(-1)?.outcome?.failure, "disruption-budget", ended.conclusion)
      assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
      assert.isFalse(yield* isCordoned(run.client))
      assert.isNotEmpty(drainedPods(node.name, yield* run.client.list("Pod", { namespace: "shop" })))
    }).pipe(Effect.scoped)
  )

  it.effect("that a disruption budget stops leaves the cordon of somebody else", () =>
    Effect.gen(function* () {
      const run = yield* begun(
        investigatorOf(() => drain),
        {},
        {},
        nodeAlert
      )
      yield* guard(run.client)
      yield* run.client.apply({
        _tag: "Patch",
        ref: node,
        patch: [{ op: "add", path: "/spec/unschedulable", value: true }]
      })
      yield* run.outcome
      const ended = yield* run.approve
      assert.strictEqual(ended.state, "Escalated", ended.conclusion)
      assert.isTrue(yield* isCordoned(run.client))
    }).pipe(Effect.scoped)
  )
})
