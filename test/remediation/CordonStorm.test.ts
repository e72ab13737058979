import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import * as Kubernaut from "../../src/Kubernaut.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import * as Storage from "../../src/storage/Storage.ts"
import { unlimited } from "../decision/unlimited.ts"
import { alertOf, webhookOf } from "../intake/webhooks.ts"

const count = 30

/** Proposes to cordon each node that an alert is about. */
const cordons: Investigator = {
  name: "custom",
  investigate: ({ target: { kind, name } }) =>
    Effect.succeed({
      investigator: "custom" as const,
      rootCause: "A test.",
      evidence: [],
      action: { type: "CordonNode" as const, target: { kind, name, namespace: "" } },
      confidence: 1
    })
}

/** One alert for each of thirty nodes of forty, at a cluster that takes 300 ms for a request. The last is critical. */
const storm = Effect.gen(function* () {
  const cluster = Sandbox.layer({
    shop: false,
    nodes: 40,
    // The identity of the cluster is read at start, when no time passes.
    intercept: ({ name }, request) => (name === "kube-system" ? request : Effect.andThen(Effect.sleep(300), request))
  })
  const context = yield* Layer.build(
    Kubernaut.layer({
      cluster: "test",
      mode: "auto",
      investigators: [cordons],
      guardrails: unlimited
    }).pipe(Layer.provideMerge(Layer.mergeAll(cluster, Storage.layerMemory)))
  )
  const store = Context.get(context, RemediationStore)
  const alerts = Array.from({ length: count }, (_, index) =>
    alertOf(
      {
        alertname: "KubeNodeNotReady",
        node: `node-${index + 1}`,
        severity: index === count - 1 ? "critical" : "warning"
      },
      { fingerprint: `node-${index}`, startsAt: "1970-01-01T00:00:00Z" }
    )
  )
  const { results } = yield* Context.get(context, Kubernaut.Kubernaut).receive(webhookOf(alerts))
  const all = Effect.forEach(results, ({ remediationId }) => Effect.map(store.get(remediationId!), Option.getOrThrow))
  const seconds = Effect.fnUntraced(function* (most: number) {
    for (let second = 0; second < most; second++) yield* TestClock.adjust("1 second")
    return yield* all
  })
  return {
    seconds,
    breaker: Context.get(context, Kubernaut.ClusterPipeline).circuitBreaker!,
    nodes: Effect.map(Context.get(context, KubernetesClient).list("Node", {}), (nodes) => nodes as ReadonlyArray<Node>)
  }
})

describe("thirty cordons at once", () => {
  it.effect("wait for the cluster and not for each other, and take out no more nodes than allowed", () =>
    Effect.gen(function* () {
      const { nodes, seconds } = yield* storm
      const all = yield* seconds(30)
      assert.deepStrictEqual([...new Set(all.map(({ state }) => state))].toSorted(), ["AwaitingReview", "Verifying"])
      assert.strictEqual(all.filter(({ state }) => state === "Verifying").length, 10)
      const listed = yield* Effect.forkChild(nodes)
      yield* TestClock.adjust("1 second")
      const read = yield* Effect.flatten(Effect.sync(() => listed.pollUnsafe()!))
      assert.strictEqual(read.filter(({ spec }) => spec?.unschedulable === true).length, 10)
    })
  )

  it.effect("all end within their patience while our own circuit breaker is open", () =>
    Effect.gen(function* () {
      const { breaker, seconds } = yield* storm
      yield* TestClock.adjust("700 millis")
      yield* breaker.isolate("2 hours", "a test")
      for (const { conclusion, state } of yield* seconds(2 * 5 * 60 + 10)) {
        assert.isTrue(conclusion !== undefined || state === "AwaitingReview", state)
      }
    })
  )
})

/** The alert of a node of four, of which one may be out. */
const ofNode = (node: string, resolved = false) =>
  webhookOf([
    alertOf(
      { alertname: "KubeNodeNotReady", node, severity: "warning" },
      {
        fingerprint: node,
        startsAt: "1970-01-01T00:00:00Z",
        ...(resolved ? { status: "resolved" as const, endsAt: "1970-01-01T00:00:01Z" } : {})
      }
    )
  ])

describe("a cordon whose alert resolves while it is planned", () => {
  it.effect("keeps no node from the plans of others", () =>
    Effect.gen(function* () {
      let whilePlanned: Effect.Effect<unknown> = Effect.void
      const cluster = Layer.effect(
        KubernetesClient,
        Effect.map(KubernetesClient, (client) => ({
          ...client,
          apply: (...[change, options]: Parameters<typeof client.apply>) =>
            Effect.andThen(
              Effect.suspend(() => (options?.dryRun === true ? whilePlanned : Effect.void)),
              client.apply(change, options)
            )
        }))
      ).pipe(Layer.provide(Sandbox.layer({ shop: false, nodes: 4 })))
      const context = yield* Layer.build(
        Kubernaut.layer({ cluster: "test", mode: "auto", investigators: [cordons], guardrails: unlimited }).pipe(
          Layer.provideMerge(Layer.mergeAll(cluster, Storage.layerMemory))
        )
      )
      const { get, receive } = Context.get(context, Kubernaut.Kubernaut)
      const stateOf = Effect.fnUntraced(function* (node: string) {
        const { results } = yield* receive(ofNode(node))
        for (let second = 0; second < 5; second++) yield* TestClock.adjust("1 second")
        return Option.getOrThrow(yield* get(results[0]!.remediationId!)).state
      })
      whilePlanned = Effect.ignore(receive(ofNode("node-1", true)))
      assert.strictEqual(yield* stateOf("node-1"), "Cancelled")
      whilePlanned = Effect.void
      assert.strictEqual(yield* stateOf("node-2"), "Verifying")
    })
  )
})
