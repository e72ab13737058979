import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import * as Executor from "../../src/execution/Executor.ts"
import { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { Node } from "../../src/kubernetes/ObjectModel.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { on } from "./acting.ts"

const cordonOf = (name: string): Action => ({ type: "CordonNode", target: on("Node", name, "") })
const inputOf = (name: string) => ({
  action: cordonOf(name),
  target: { cluster: "test", ...on("Node", name, "") },
  remediationId: name,
  executionId: `${name}-1`,
  epoch: 1
})

const draft = (name: string, reserve = false) =>
  Effect.flatMap(Executor.Executor, (executor) => executor.draft({ ...inputOf(name), reserve }))
const execute = (name: string, intent: Effect.Success<ReturnType<typeof draft>>["intent"], approved = false) =>
  Effect.flatMap(Executor.Executor, (executor) =>
    executor.execute(intent, { holds: Effect.succeed(true), approved, resumed: name === "resumed" })
  )
const cordoned = Effect.flatMap(KubernetesClient, (client) =>
  Effect.map(client.list("Node", {}), (nodes) =>
    (nodes as ReadonlyArray<Node>)
      .filter(({ spec }) => spec?.unschedulable === true)
      .map(({ metadata }) => metadata.name)
  )
)
const services = Executor.layer().pipe(Layer.provideMerge(Sandbox.layer({ shop: false, nodes: 3 })))

describe("cordons of several nodes", () => {
  it.effect("that were planned before either was carried out are not all carried out, as after a restart", () =>
    Effect.gen(function* () {
      const first = yield* draft("node-1")
      const second = yield* draft("node-2")
      assert.deepStrictEqual([first.asks, second.asks], [[], []])
      assert.strictEqual((yield* execute("first", first.intent)).applied, "yes")
      const outcome = yield* execute("second", second.intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "nodes-out"])
      assert.match(outcome.message ?? "", /2 of 3 nodes/)
      assert.deepStrictEqual(yield* cordoned, ["node-1"])
    }).pipe(Effect.provide(services))
  )

  it.effect("are all carried out if a person approved them", () =>
    Effect.gen(function* () {
      const first = yield* draft("node-1")
      const second = yield* draft("node-2")
      yield* execute("first", first.intent)
      assert.strictEqual((yield* execute("second", second.intent, true)).applied, "yes")
      assert.deepStrictEqual(yield* cordoned, ["node-1", "node-2"])
    }).pipe(Effect.provide(services))
  )

  it.effect("ask while another node is reserved, and no longer once that has been carried out or undone", () =>
    Effect.gen(function* () {
      const first = yield* draft("node-1", true)
      const rules = Effect.map(draft("node-2", true), ({ asks }) => asks.map(({ rule }) => rule))
      assert.deepStrictEqual(yield* rules, ["too-many-nodes-out"])
      yield* execute("first", first.intent)
      assert.deepStrictEqual(yield* rules, ["too-many-nodes-out"])
      const client = yield* KubernetesClient
      if (first.intent.inverse._tag === "Exact")
        for (const change of first.intent.inverse.changes) yield* client.apply(change)
      assert.deepStrictEqual(yield* rules, [])
    }).pipe(Effect.provide(services))
  )

  it.effect("that a crash cut short are recognized, and not counted twice", () =>
    Effect.gen(function* () {
      const { intent } = yield* draft("node-1")
      yield* execute("first", intent)
      const again = yield* execute("resumed", intent)
      assert.deepStrictEqual([again.applied, again.failure], ["yes", undefined])
    }).pipe(Effect.provide(services))
  )
})

describe("a plan in a namespace that is being deleted", () => {
  it.effect("is refused, although the Deployment still exists", () =>
    Effect.gen(function* () {
      const client = yield* KubernetesClient
      const { metadata } = yield* client.get(on("Namespace", "prod", ""))
      yield* client.apply({ _tag: "Delete", ref: on("Namespace", "prod", ""), uid: metadata.uid })
      const target = on("Deployment", "api", "prod")
      const executor = yield* Executor.Executor
      const refusal = yield* Effect.flip(
        executor.plan({
          ...inputOf("x"),
          action: { type: "RestartWorkload", target },
          target: { cluster: "t", ...target }
        })
      )
      assert.strictEqual(refusal._tag === "PlanRefused" ? refusal.rule : refusal.reason._tag, "namespace-terminating")
    }).pipe(
      Effect.provide(
        Executor.layer().pipe(
          Layer.provideMerge(
            Sandbox.layer({
              shop: false,
              deployments: [{ namespace: "prod", name: "api", behaviour: "healthy" }]
            })
          )
        )
      )
    )
  )
})
