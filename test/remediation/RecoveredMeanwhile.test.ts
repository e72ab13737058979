import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import type { ImageBehaviour, SandboxOptions } from "../../src/kubernetes/Sandbox.ts"
import { begun, checkout, type Edit, investigatorOf, rollback } from "./remediating.ts"

const image = "registry.shop.example/checkout:v2.4.0"
const notify: Action = { type: "Notify", target: checkout, reason: "It works." }
const rules = (decision: { readonly reasons: ReadonlyArray<{ readonly rule: string }> } | undefined) =>
  decision?.reasons.map(({ rule }) => rule)

/** A shop whose release crashes until its dependency is back. */
const dependent = () => {
  const behaviour: { -readonly [K in keyof ImageBehaviour]: ImageBehaviour[K] } = { crash: { exitCode: 1 } }
  /** The dependency is back, and the crash loop has had time to notice. */
  const recovers: Edit = () =>
    Effect.andThen(
      Effect.sync(() => {
        behaviour.crash = undefined
      }),
      Effect.sleep("10 seconds")
    )
  const sandbox: SandboxOptions = { images: { [image]: behaviour }, pace: { backoffCap: "2 seconds" } }
  return { recovers, sandbox }
}

describe("the target recovers while its alert is investigated or waits for a person", () => {
  it.effect("a rollback that was proposed while a release crashed does not undo the release once it serves", () =>
    Effect.gen(function* () {
      const { recovers, sandbox } = dependent()
      const investigator = investigatorOf(
        (round) => (round === 1 ? rollback : notify),
        (round) => (round === 1 ? recovers : undefined)
      )
      const after = yield* begun(investigator, {}, sandbox)
      const { executions, state } = yield* after.outcome
      assert.strictEqual(yield* after.image, image)
      assert.deepStrictEqual([state, executions, investigator.asked.length], ["Escalated", [], 2])
      const decisions = (yield* after.events).flatMap((event) => (event._tag === "Decided" ? [event.decision] : []))
      assert.deepStrictEqual(decisions.map(rules), [["changed-since-investigation"], ["notify"]])
    }).pipe(Effect.scoped)
  )

  it.effect("an approved rollback does not undo a release that recovered before the approval", () =>
    Effect.gen(function* () {
      const { recovers, sandbox } = dependent()
      const investigator = investigatorOf((round) => (round === 1 ? rollback : notify))
      const { approve, client, image: shipped, outcome } = yield* begun(investigator, { mode: "approve" }, sandbox)
      assert.strictEqual((yield* outcome).state, "AwaitingReview")
      const recovered = yield* Effect.forkChild(recovers(client))
      while (recovered.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
      assert.deepStrictEqual((yield* approve).executions, [])
      assert.strictEqual(yield* shipped, image)
    }).pipe(Effect.scoped)
  )

  it.effect("a pod that became ready while a model proposed to evict it is not evicted", () =>
    Effect.gen(function* () {
      const { recovers, sandbox } = dependent()
      const broken: Array<string> = []
      const investigator = investigatorOf(
        (round, { observed }) => {
          const failing = observed?.pods.find(({ ready }) => !ready)
          if (round > 1 || failing === undefined) return notify
          broken.push(failing.uid)
          return { type: "EvictPod", target: { namespace: "shop", kind: "Pod", name: failing.name } }
        },
        (round) => (round === 1 ? recovers : undefined)
      )
      const { client, outcome } = yield* begun(investigator, {}, sandbox)
      assert.deepStrictEqual((yield* outcome).executions, [])
      const uids = (yield* client.list("Pod", { namespace: "shop" })).map(({ metadata }) => metadata.uid)
      assert.includeMembers(uids, broken)
    }).pipe(Effect.scoped)
  )

  it.effect("a rollback of a release that still crashes is carried out", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        () => rollback,
        () => () => Effect.sleep("10 seconds")
      )
      const { outcome } = yield* begun(investigator, {}, dependent().sandbox)
      assert.deepStrictEqual([(yield* outcome).state, investigator.asked.length], ["Remediated", 1])
    }).pipe(Effect.scoped)
  )
})

describe("the alert resolves between the decision and the write", () => {
  /** Runs `meanwhile` once, before the request that `is` describes. */
  const during = (is: (operation: { readonly verb: string; readonly dryRun: boolean }) => boolean) => {
    const hook: { meanwhile: Effect.Effect<unknown> | undefined } = { meanwhile: undefined }
    const intercept: NonNullable<SandboxOptions["intercept"]> = (operation, request) => {
      const { meanwhile } = hook
      if (meanwhile === undefined || !is(operation)) return request
      hook.meanwhile = undefined
      return Effect.andThen(meanwhile, request)
    }
    return { hook, sandbox: { intercept } satisfies SandboxOptions }
  }

  it.effect("nothing is written for an alert that resolved while its action was planned", () =>
    Effect.gen(function* () {
      const { hook, sandbox } = during(({ dryRun }) => dryRun)
      const {
        image: shipped,
        outcome,
        resolve
      } = yield* begun(
        investigatorOf(() => rollback),
        {},
        sandbox
      )
      hook.meanwhile = Effect.orDie(resolve("1970-01-01T00:00:15Z"))
      const { executions, state } = yield* outcome
      assert.deepStrictEqual([state, executions], ["Cancelled", []])
      assert.strictEqual(yield* shipped, image)
    }).pipe(Effect.scoped)
  )

  it.effect("a resolution that was heard before the write shows nothing, although its sender's clock is ahead", () =>
    Effect.gen(function* () {
      const { hook, sandbox } = during(({ dryRun, verb }) => verb === "patch" && !dryRun)
      const investigator = investigatorOf(() => rollback)
      const { outcome, resolve } = yield* begun(investigator, {}, sandbox)
      hook.meanwhile = Effect.orDie(resolve("1970-01-01T01:00:00Z"))
      const { executions, verification } = yield* outcome
      assert.strictEqual(executions.length, 1)
      assert.notInclude(verification?.reasons.join(), "alert-resolved")
    }).pipe(Effect.scoped)
  )
})

describe("a person approves twice", () => {
  it.effect("an approval that is sent again is not taken for the next question", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(() => ({ type: "ScaleWorkload", target: checkout, replicas: 6 }))
      const { approveQuestion, client, deployment, outcome, writtenReplicas } = yield* begun(investigator, {
        mode: "approve"
      })
      yield* outcome
      const patch = [{ op: "replace", path: "/spec/replicas", value: 30 }] as const
      yield* client.apply({ _tag: "Patch", ref: checkout, patch })
      const again = yield* approveQuestion()
      assert.deepStrictEqual([again.state, again.questions], ["AwaitingReview", 2])
      const refused = yield* Effect.flip(approveQuestion())
      assert.deepStrictEqual([refused._tag, "asks" in refused && refused.asks], ["NotAwaiting", 2])
      assert.strictEqual((yield* deployment).spec.replicas, 30)
      yield* approveQuestion(2)
      // It does not help, so it is undone.
      assert.deepStrictEqual(yield* writtenReplicas, [6, 30])
    }).pipe(Effect.scoped)
  )
})
