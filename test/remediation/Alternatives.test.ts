import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Mode } from "../../src/domain/Mode.ts"
import type { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import { begun, checkout, investigatorOf } from "./remediating.ts"

type Manifest = Readonly<Record<string, unknown>>

/** Somebody sets a quota or a LimitRange while the alert is investigated. */
const setting =
  (kind: "ResourceQuota" | "LimitRange", spec: Manifest) =>
  (client: KubernetesClient["Service"]): Effect.Effect<void> =>
    client
      .apply({
        _tag: "Create",
        ref: { namespace: "shop", kind, name: "team" },
        manifest: { apiVersion: "v1", kind, metadata: { name: "team" }, spec } as never
      })
      .pipe(Effect.orDie, Effect.asVoid)

const pods = (count: number) => setting("ResourceQuota", { hard: { pods: String(count) } })
const memory = (max: string) => setting("LimitRange", { limits: [{ type: "Container", max: { memory: max } }] })

const scale = (replicas: number): Action => ({ type: "ScaleWorkload", target: checkout, replicas })
const limits = (amount: string): Action => ({
  type: "AdjustResources",
  target: checkout,
  container: "checkout",
  limits: { memory: amount }
})

const remediated = Effect.fnUntraced(function* (action: Action, meanwhile: ReturnType<typeof setting>, mode: Mode) {
  const investigator = investigatorOf(
    () => action,
    () => meanwhile
  )
  const world = yield* begun(investigator, { mode, guardrails: { maximumReplicas: 50 } })
  const ended = yield* world.outcome
  return { world, ended, rules: ended.decision?.reasons.map(({ rule }) => rule) ?? [] }
})

/** How many pods there are in the namespace before. */
const free = Effect.gen(function* () {
  const world = yield* begun(investigatorOf(() => scale(1)))
  return (yield* Effect.orDie(world.client.list("Pod", { namespace: "shop" }))).length
}).pipe(Effect.scoped)

describe("an action that does not fit into its namespace", () => {
  it.effect("is scaled to the largest count that fits, and the journal says what was proposed and why", () =>
    Effect.gen(function* () {
      const before = yield* free
      const { ended, rules } = yield* remediated(scale(12), pods(before + 3), "auto")
      const [execution] = ended.executions
      const action = execution?.intent.action
      assert.strictEqual(action?.type, "ScaleWorkload")
      const replicas = action?.type === "ScaleWorkload" ? action.replicas : 0
      assert.isBelow(replicas, 12)
      assert.include(rules, "alternative")
      const reason = ended.decision?.reasons.find(({ rule }) => rule === "alternative")
      assert.deepInclude(reason?.figures, { proposed: "12 replicas", instead: `${replicas} replicas` })
      assert.strictEqual(execution?.outcome?.applied, "yes")
      assert.deepStrictEqual(ended.investigation?.action, scale(12))
    })
  )

  it.effect("gets the largest limit that the LimitRange allows", () =>
    Effect.gen(function* () {
      const { ended, rules } = yield* remediated(limits("4Gi"), memory("2Gi"), "approve")
      assert.strictEqual(ended.state, "AwaitingReview")
      assert.deepStrictEqual(ended.decision?.action, limits("2Gi"))
      assert.include(rules, "alternative")
    })
  )

  it.effect("is carried out as the alternative once a person has approved that, and asks nothing twice", () =>
    Effect.gen(function* () {
      const { world } = yield* remediated(limits("4Gi"), memory("2Gi"), "approve")
      const ended = yield* world.approve
      assert.strictEqual(ended.questions, 1)
      assert.deepStrictEqual(
        ended.executions.map(({ intent }) => intent.action),
        [limits("2Gi")]
      )
    })
  )

  it.effect("ends with a person and the figures if nothing fits", () =>
    Effect.gen(function* () {
      const { ended } = yield* remediated(limits("4Gi"), memory("1Mi"), "auto")
      assert.strictEqual(ended.state, "Escalated")
      assert.deepStrictEqual(ended.executions, [])
      assert.deepInclude(ended.decision?.failure, { code: "limit-range", category: "resource" })
      assert.include(ended.conclusion, "LimitRange team allows at most 1Mi of memory per Container")
    })
  )

  it.effect("asks a person about the whole action if a quota leaves no room at all", () =>
    Effect.gen(function* () {
      const { ended, rules } = yield* remediated(scale(12), pods(1), "auto")
      assert.strictEqual(ended.state, "AwaitingReview")
      assert.include(rules, "beyond-quota")
      assert.notInclude(rules, "alternative")
    })
  )
})
