/** Alerts about several nodes at once, and a model that answers CordonNode for each. */

import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Webhook } from "../../src/intake/AlertmanagerWebhook.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { webhookAbout } from "../intake/webhooks.ts"
import alerts from "./every-node-cordoned/alerts.json" with { type: "json" }

const threeAlerts = Schema.decodeUnknownSync(Webhook)(alerts)

const model: Investigator = {
  name: "custom",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "The node is broken.",
      evidence: [],
      action: { type: "CordonNode", target: { kind, name, namespace } },
      confidence: 0.9
    })
}

/** Handles a webhook in mode auto on a sandbox with `nodes` nodes. Returns the states, and the cordoned nodes. */
const handled = Effect.fnUntraced(function* (
  webhook: Webhook,
  nodes: number,
  guardrails: { readonly maximumNodesOut?: number } = {}
) {
  const sandbox = yield* Layer.build(Sandbox.layer({ shop: false, nodes }))
  const client = Context.get(sandbox, KubernetesClient)
  const context = yield* Layer.build(
    Kubernaut.layer({ cluster: "prod", mode: "auto", investigators: [model], guardrails }).pipe(
      Layer.provide([Layer.succeedContext(sandbox), Storage.layerMemory])
    )
  )
  const { receive, settled } = Context.get(context, Kubernaut.Kubernaut)
  const { results } = yield* receive(webhook)
  const ended = yield* Effect.forkChild(
    Effect.forEach(results, ({ remediationId }) => settled(remediationId!), { concurrency: "unbounded" })
  )
  while (ended.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
  const remediations = (yield* Fiber.join(ended)).map(Option.getOrThrow)
  const listed = (yield* client.list("Node", {})) as ReadonlyArray<Node>
  return { remediations, cordoned: listed.filter(({ spec }) => spec?.unschedulable === true) }
}, Effect.scoped)

const about = (names: ReadonlyArray<string>) =>
  webhookAbout(names.map((node) => ({ alertname: "KubeNodeNotReady", node, job: "kube-state-metrics" })))
const nodesTo = (count: number) => Array.from({ length: count }, (_, index) => `node-${index + 1}`)

describe("alerts about every node at once", () => {
  it.effect("cordon one of three nodes, and a person decides about the others", () =>
    Effect.gen(function* () {
      const { cordoned, remediations } = yield* handled(threeAlerts, 3)
      assert.lengthOf(cordoned, 1)
      const asked = remediations.filter(({ state }) => state === "AwaitingReview")
      assert.lengthOf(asked, 2)
      for (const { decision } of asked)
        assert.match(decision?.reasons[0]?.message ?? "", /2 of 3 nodes of the pool nodes would take no pods/)
    })
  )

  it.effect("cordon a quarter of twelve nodes", () =>
    Effect.gen(function* () {
      const { cordoned, remediations } = yield* handled(about(nodesTo(12)), 12)
      assert.lengthOf(cordoned, 3)
      assert.lengthOf(
        remediations.filter(({ state }) => state === "AwaitingReview"),
        9
      )
    })
  )

  it.effect("cordon the share that the setting allows", () =>
    Effect.gen(function* () {
      assert.lengthOf((yield* handled(about(nodesTo(4)), 4, { maximumNodesOut: 0.5 })).cordoned, 2)
      assert.lengthOf((yield* handled(about(nodesTo(4)), 4, { maximumNodesOut: 0 })).cordoned, 1)
    })
  )

  it.effect("never cordon the only node unasked", () =>
    Effect.gen(function* () {
      const { cordoned, remediations } = yield* handled(about(["node-1"]), 1, { maximumNodesOut: 1 })
      assert.deepStrictEqual(cordoned, [])
      assert.strictEqual(remediations[0]?.state, "AwaitingReview")
    })
  )
})
