import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { type Action, type ActionType, kindsOf } from "../../src/domain/Action.ts"
import { Executor, layer as executorLayer } from "../../src/execution/Executor.ts"
import type { PolicyRule } from "../../src/kubernetes/Access.ts"
import { KubernetesClient, KubernetesError } from "../../src/kubernetes/KubernetesClient.ts"
import * as Sandbox from "../../src/kubernetes/Sandbox.ts"
import { rulesOf } from "../kubernetes/LeastRole.ts"
import { begun, investigatorOf, rollback as proposal } from "../remediation/remediating.ts"
import { checkout, executed, inputFor, on, planned, rollback } from "./acting.ts"

const observe = rulesOf("kubernaut-observe")
const least = [...observe, ...rulesOf("kubernaut-act")]

/** The rules without one verb on one resource. */
const without = (verb: string, resource: string): ReadonlyArray<PolicyRule> =>
  least.flatMap(({ resources = [], verbs, ...rule }) => [
    { ...rule, verbs, resources: resources.filter((each) => each !== resource) },
    { ...rule, verbs: verbs.filter((each) => each !== verb), resources: resources.filter((each) => each === resource) }
  ])

const withRules = (rules: ReadonlyArray<PolicyRule> | (() => ReadonlyArray<PolicyRule>)) =>
  executorLayer().pipe(Layer.provideMerge(Sandbox.layer({ rules })))

const refusalWith = (rules: ReadonlyArray<PolicyRule>, action: Action) =>
  Effect.map(Effect.flip(Effect.flatMap(Executor, (executor) => executor.draft(inputFor(action)))), (error) =>
    error._tag === "PlanRefused" ? error : assert.fail(error.message)
  ).pipe(Effect.provide(withRules(rules)))

const written: ReadonlyArray<readonly [action: Action, resource: string, verb: string]> = [
  [rollback, "deployments", "patch"],
  [{ type: "RestartWorkload", target: on("StatefulSet", "db") }, "statefulsets", "patch"],
  [{ type: "ScaleWorkload", target: checkout, replicas: 4 }, "horizontalpodautoscalers", "list"],
  [rollback, "replicasets", "list"],
  [{ type: "EvictPod", target: on("Pod", "p") }, "pods/eviction", "create"],
  [{ type: "CordonNode", target: on("Node", "node-1", "") }, "nodes", "patch"],
  [{ type: "ExpandVolume", target: on("PersistentVolumeClaim", "c"), size: "2Gi" }, "storageclasses", "get"]
]

const verified: ReadonlyArray<readonly [resource: string, verb: string]> = [
  ["services", "list"],
  ["endpointslices", "list"],
  ["pods", "list"]
]

describe("an action without its rights", () => {
  it.effect.each(written)("is not planned: %j", ([action, resource, verb]) =>
    Effect.gen(function* () {
      const { message, rule } = yield* refusalWith(without(verb, resource), action)
      assert.strictEqual(rule, "not-permitted")
      assert.include(message, `${verb} ${resource}`)
      assert.include(message, resource === "nodes" || resource === "storageclasses" ? action.type : "in namespace shop")
    })
  )

  it.effect.each(verified)("is not planned if its result could not be read: without %s", ([resource, verb]) =>
    Effect.gen(function* () {
      const { message, rule } = yield* refusalWith(without(verb, resource), {
        type: "RestartWorkload",
        target: checkout
      })
      assert.strictEqual(rule, "cannot-verify")
      assert.include(message, `${verb} ${resource}`)
      assert.include(message, "in namespace shop")
    })
  )

  it.effect("is planned and carried out with the least role", () =>
    Effect.gen(function* () {
      const outcome = yield* Effect.flatMap(planned(rollback), executed)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["yes", undefined])
    }).pipe(Effect.provide(withRules(least)))
  )

  it.effect.each(Object.keys(kindsOf) as ReadonlyArray<ActionType>)(
    "%s is not planned with the role of observe",
    (type) =>
      Effect.gen(function* () {
        const kind = kindsOf[type]![0]!
        const target = on(kind, "x", kind === "Node" ? "" : "shop")
        assert.strictEqual((yield* refusalWith(observe, { type, target } as Action)).rule, "not-permitted")
      })
  )

  it.effect("is not carried out if the right was taken away since the plan", () => {
    let rules: ReadonlyArray<PolicyRule> = least
    return Effect.gen(function* () {
      const intent = yield* planned(rollback)
      rules = without("patch", "deployments")
      yield* TestClock.adjust("61 seconds")
      const outcome = yield* executed(intent)
      assert.deepStrictEqual([outcome.applied, outcome.failure], ["no", "forbidden"])
      assert.include(outcome.message, "patch deployments.apps in namespace shop")
    }).pipe(Effect.provide(withRules(() => rules)))
  })

  it.effect("is carried out if the question for its rights gets no answer", () => {
    const client = Effect.map(Sandbox.make(), (sandbox) => {
      let answers = true
      const unavailable = Effect.suspend(() =>
        answers
          ? Effect.succeed({ rules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }], incomplete: false })
          : Effect.fail(
              new KubernetesError({
                reason: { _tag: "Unavailable" },
                operation: "review",
                applied: "no",
                retryable: true
              })
            )
      )
      return {
        silence: () => void (answers = false),
        client: { ...sandbox, rights: { may: () => Effect.as(unavailable, true), rules: () => unavailable } }
      }
    })
    return Effect.gen(function* () {
      const made = yield* client
      yield* Effect.gen(function* () {
        const intent = yield* planned(rollback)
        made.silence()
        yield* TestClock.adjust("61 seconds")
        assert.strictEqual((yield* executed(intent)).applied, "yes")
      }).pipe(Effect.provide(executorLayer().pipe(Layer.provide(Layer.succeed(KubernetesClient, made.client)))))
    })
  })

  it.effect("ends escalated with the verb, the resource and the namespace, and nothing is written", () =>
    Effect.gen(function* () {
      const { outcome } = yield* begun(
        investigatorOf(() => proposal),
        {},
        { rules: without("list", "endpointslices") }
      )
      const ended = yield* outcome
      assert.strictEqual(ended.state, "Escalated")
      assert.strictEqual(ended.decision?.reasons[0]?.rule, "cannot-verify")
      assert.include(ended.conclusion, "list endpointslices.discovery.k8s.io in namespace shop")
      assert.include(ended.conclusion, "RollbackDeployment of Deployment shop/checkout")
      assert.isEmpty(ended.executions)
    })
  )

  it.effect("asks nobody in mode approve, because an approval would not help", () =>
    Effect.gen(function* () {
      const rules = without("patch", "deployments")
      const { outcome } = yield* begun(
        investigatorOf(() => proposal),
        { mode: "approve" },
        { rules }
      )
      const ended = yield* outcome
      assert.strictEqual(ended.state, "Escalated")
      assert.strictEqual(ended.decision?.reasons[0]?.rule, "not-permitted")
      assert.strictEqual(ended.questions, 0)
    })
  )
})
