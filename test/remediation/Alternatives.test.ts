import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { Mode } from "../../src/domain/Mode.ts"
import type { KubernetesClient } from "../../src/kubernetes/KubernetesClient.ts"
import type { SandboxOptions } from "../../src/kubernetes/Sandbox.ts"
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

/** The change comes into force just before the first write, after everything has been checked. */
const beforeTheWrite = (kind: "ResourceQuota" | "LimitRange", spec: Manifest) => {
  const late: { client: KubernetesClient["Service"] | undefined; writes: number } = { client: undefined, writes: 0 }
  const intercept: NonNullable<SandboxOptions["intercept"]> = ({ dryRun, name, verb }, request) =>
    verb === "patch" && dryRun !== true && name === "checkout" && late.writes++ === 0 && late.client !== undefined
      ? Effect.andThen(setting(kind, spec)(late.client), request)
      : request
  return { late, intercept }
}

/** A remediation whose action is refused after it was written. */
const refusedLate = Effect.fnUntraced(function* (
  action: Action,
  refusal: ReturnType<typeof beforeTheWrite>,
  mode: Mode = "auto"
) {
  const remember = (client: KubernetesClient["Service"]) =>
    Effect.sync(() => {
      refusal.late.client = client
    })
  const investigator = investigatorOf(
    () => action,
    () => remember
  )
  const world = yield* begun(investigator, { mode, guardrails: { maximumReplicas: 50 } }, refusal)
  return { world, first: yield* world.outcome }
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
      // An earlier alternative may have been refused after it was written, while old pods still counted.
      const execution = ended.executions.at(-1)
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

describe("an action that is refused after it was written", () => {
  it.effect("is undone, and the largest limit that fits is tried in the same remediation", () =>
    Effect.gen(function* () {
      const refusal = beforeTheWrite("LimitRange", { limits: [{ type: "Container", max: { memory: "2Gi" } }] })
      const { world } = yield* refusedLate(limits("4Gi"), refusal, "approve")
      yield* world.approve
      const ended = yield* world.approve
      const actions = ended.executions.map(({ intent }) => intent.action)
      assert.deepStrictEqual(actions, [limits("4Gi"), limits("2Gi")], ended.conclusion)
      const kinds = (yield* world.events).map(({ _tag }) => _tag)
      assert.isBelow(kinds.indexOf("RollbackVerified"), kinds.lastIndexOf("Intended"))
      assert.isTrue(ended.decision?.reasons.some(({ rule }) => rule === "alternative"))
    }).pipe(Effect.scoped)
  )

  it.effect("is undone, and as many replicas as fit are tried in the same remediation", () =>
    Effect.gen(function* () {
      const before = yield* free
      const refusal = beforeTheWrite("ResourceQuota", { hard: { pods: String(before + 3) } })
      const { first: ended } = yield* refusedLate(scale(12), refusal)
      const [one, two] = ended.executions.map(({ intent }) => intent.action)
      assert.deepStrictEqual(one, scale(12))
      assert.isTrue(two?.type === "ScaleWorkload" && two.replicas < 12 && two.replicas > 4, ended.conclusion)
    }).pipe(Effect.scoped)
  )

  it.effect("ends RolledBack with the figures if no alternative fits, and is not tried again", () =>
    Effect.gen(function* () {
      const refusal = beforeTheWrite("LimitRange", { limits: [{ type: "Container", max: { memory: "256Mi" } }] })
      const { world } = yield* refusedLate(limits("4Gi"), refusal, "approve")
      const ended = yield* world.approve
      assert.deepStrictEqual([ended.state, ended.executions.length], ["RolledBack", 1], ended.conclusion)
      assert.include(ended.conclusion, "The action was undone")
      assert.include(ended.conclusion, "at most 256Mi of memory per Container")
    }).pipe(Effect.scoped)
  )

  it.effect("decides no alternative while the restored pods are refused as well, and says so", () =>
    Effect.gen(function* () {
      const refusal = beforeTheWrite("LimitRange", { limits: [{ type: "Container", max: { memory: "1Mi" } }] })
      const { world } = yield* refusedLate(limits("4Gi"), refusal, "approve")
      const ended = yield* world.approve
      assert.deepStrictEqual([ended.state, ended.executions.length], ["RolledBack", 1], ended.conclusion)
      assert.include(ended.conclusion, "pods-refused")
    }).pipe(Effect.scoped)
  )

  it.effect("asks a person about the alternative in mode approve, and a rejection ends RolledBack", () =>
    Effect.gen(function* () {
      const refusal = beforeTheWrite("LimitRange", { limits: [{ type: "Container", max: { memory: "2Gi" } }] })
      const { first, world } = yield* refusedLate(limits("4Gi"), refusal, "approve")
      assert.strictEqual(first.state, "AwaitingReview")
      const asked = yield* world.approve
      assert.deepStrictEqual([asked.state, asked.decision?.action], ["AwaitingReview", limits("2Gi")])
      assert.strictEqual(asked.rollback?.outcome, "restored")
      const at = "2026-11-24T03:00:00.000Z"
      yield* world.store.review(world.id, { answer: "rejected", by: "ada", at, question: asked.questions }, at)
      yield* world.fire
      const ended = yield* world.outcome
      assert.strictEqual(ended.state, "RolledBack", ended.conclusion)
      assert.include(ended.conclusion, "The alternative was rejected by ada")
    }).pipe(Effect.scoped)
  )
})
