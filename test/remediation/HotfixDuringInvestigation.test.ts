import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import type { Action } from "../../src/domain/Action.ts"
import { annotate, begun, checkout, edit, hotfix, investigatorOf, rollback, scaleTo, ship } from "./remediating.ts"

const brokenHotfix = "registry.example.com/shop/checkout:bad-hotfix"
const notify: Action = { type: "Notify", target: checkout, reason: "A fix is on its way." }
const rules = (decision: { readonly reasons: ReadonlyArray<{ readonly rule: string }> } | undefined) =>
  decision?.reasons.map(({ rule }) => rule)

describe("a person changes the target while its alert is investigated", () => {
  it.effect(
    "a rollback that was proposed before a hotfix does not undo the hotfix: the alert is investigated again",
    () =>
      Effect.gen(function* () {
        const investigator = investigatorOf(
          (round) => (round === 1 ? rollback : notify),
          (round) => (round === 1 ? ship(hotfix) : undefined)
        )
        const { events, image, outcome } = yield* begun(investigator)
        const { executions, state } = yield* outcome
        assert.strictEqual(yield* image, hotfix)
        assert.deepStrictEqual([state, executions], ["Escalated", []])
        assert.strictEqual(investigator.asked.length, 2)
        const decisions = (yield* events).flatMap((event) => (event._tag === "Decided" ? [event.decision] : []))
        assert.deepStrictEqual(
          decisions.map((decision) => [decision.outcome, rules(decision)]),
          [
            ["investigate", ["changed-since-investigation"]],
            ["escalate", ["notify"]]
          ]
        )
      }).pipe(Effect.scoped)
  )

  it.effect("the second investigation sees the new revision", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        (round) => (round === 1 ? rollback : notify),
        (round) => (round === 1 ? ship(hotfix) : undefined)
      )
      const { events, outcome } = yield* begun(investigator)
      yield* outcome
      const [first, second] = investigator.asked
      assert.isAbove(second?.observed?.revision ?? 0, first?.observed?.revision ?? 0)
      const seen = (yield* events).flatMap((event) => (event._tag === "Investigated" ? [event.seen] : []))
      assert.deepStrictEqual(
        seen.map((each) => each?.objects[0]?.revision),
        [first?.observed?.revision, second?.observed?.revision]
      )
      assert.isString(seen[0]?.objects[0]?.uid)
      assert.isNumber(seen[0]?.objects[0]?.generation)
      assert.isString(seen[0]?.objects[0]?.resourceVersion)
    }).pipe(Effect.scoped)
  )

  it.effect("the proposal of the second investigation is carried out if the target has not changed again", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        () => ({ type: "RestartWorkload", target: checkout }),
        (round) => (round === 1 ? ship(brokenHotfix) : undefined)
      )
      const { image, outcome } = yield* begun(investigator)
      const { executions } = yield* outcome
      assert.deepStrictEqual([executions.length, investigator.asked.length], [1, 2])
      assert.strictEqual(yield* image, brokenHotfix)
    }).pipe(Effect.scoped)
  )

  it.effect("a scale that was proposed before a person scaled does not overwrite the person's number", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        (round) => (round === 1 ? { type: "ScaleWorkload", target: checkout, replicas: 6 } : notify),
        (round) => (round === 1 ? scaleTo(30) : undefined)
      )
      const { deployment, outcome } = yield* begun(investigator)
      yield* outcome
      assert.strictEqual((yield* deployment).spec.replicas, 30)
    }).pipe(Effect.scoped)
  )

  it.effect("a change of status or of an annotation is no reason to investigate again", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        () => rollback,
        () => annotate
      )
      const { outcome } = yield* begun(investigator)
      const { state } = yield* outcome
      assert.deepStrictEqual([state, investigator.asked.length], ["Remediated", 1])
    }).pipe(Effect.scoped)
  )

  it.effect("a target that changes during every investigation is escalated after the third", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        () => rollback,
        (round) => ship(`${hotfix}-${round}`)
      )
      const { image, outcome } = yield* begun(investigator)
      const { decision, executions, state } = yield* outcome
      assert.deepStrictEqual([state, executions, investigator.asked.length], ["Escalated", [], 3])
      assert.deepStrictEqual(rules(decision), ["keeps-changing", "changed-since-investigation"])
      assert.strictEqual(yield* image, `${hotfix}-3`)
    }).pipe(Effect.scoped)
  )

  it.effect("a Deployment that was deleted and created again is investigated again", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(
        (round) => (round === 1 ? rollback : notify),
        (round) =>
          round === 1
            ? (client) =>
                Effect.gen(function* () {
                  const { apiVersion, kind, metadata, spec } = yield* client.get(checkout)
                  yield* client.apply({ _tag: "Delete", ref: checkout, uid: metadata.uid })
                  const { name, namespace = "", labels = {} } = metadata
                  const manifest = { apiVersion, kind, metadata: { name, namespace, labels }, spec } as never
                  yield* client.apply({ _tag: "Create", ref: checkout, manifest })
                }).pipe(Effect.orDie)
            : undefined
      )
      const { outcome } = yield* begun(investigator)
      const { executions } = yield* outcome
      assert.deepStrictEqual([executions, investigator.asked.length], [[], 2])
    }).pipe(Effect.scoped)
  )

  it.effect("a change that was taken back is no change, unless the revision shows another rollout", () =>
    Effect.gen(function* () {
      const pause = (paused: boolean) => edit({ op: "add", path: "/spec/paused", value: paused })
      const restore = edit({ op: "remove", path: "/spec/paused" })
      const investigator = investigatorOf(
        () => rollback,
        () => (client) => Effect.andThen(pause(true)(client), restore(client))
      )
      const { outcome } = yield* begun(investigator)
      yield* outcome
      assert.strictEqual(investigator.asked.length, 1)
    }).pipe(Effect.scoped)
  )
})

describe("a person approves late", () => {
  const waiting = (investigator: ReturnType<typeof investigatorOf>) => begun(investigator, { mode: "approve" })

  it.effect("an approval within the lifetime of the answer is acted on at once", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(() => rollback)
      const { approve, outcome } = yield* waiting(investigator)
      assert.strictEqual((yield* outcome).state, "AwaitingReview")
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual((yield* approve).state, "Remediated")
      assert.strictEqual(investigator.asked.length, 1)
    }).pipe(Effect.scoped)
  )

  it.effect("an answer older than its lifetime is investigated again, and the approval covers the same proposal", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(() => rollback)
      const { approve, outcome } = yield* waiting(investigator)
      yield* outcome
      yield* TestClock.adjust("2 hours")
      const { questions, state } = yield* approve
      assert.deepStrictEqual([state, questions, investigator.asked.length], ["Remediated", 1, 2])
    }).pipe(Effect.scoped)
  )

  it.effect("an approved rollback does not undo a hotfix that was shipped during the review", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf((round) => (round === 1 ? rollback : notify))
      const { approve, client, image, outcome } = yield* waiting(investigator)
      yield* outcome
      yield* TestClock.adjust("1 minute")
      yield* ship(hotfix)(client)
      const { executions, state } = yield* approve
      assert.deepStrictEqual([state, executions], ["Escalated", []])
      assert.strictEqual(yield* image, hotfix)
    }).pipe(Effect.scoped)
  )

  it.effect("scale to 6, approved for 4 replicas, asks again when a person has scaled to 30, and says why", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(() => ({ type: "ScaleWorkload", target: checkout, replicas: 6 }))
      const { approve, client, deployment, outcome, writtenReplicas } = yield* waiting(investigator)
      const asked = yield* outcome
      assert.deepStrictEqual(asked.decision?.figures, { replicas: "4 -> 6" })
      yield* scaleTo(30)(client)
      const again = yield* approve
      assert.deepStrictEqual([again.state, again.questions], ["AwaitingReview", 2])
      assert.deepStrictEqual(rules(again.decision), ["changed-since-approval", "approve-mode", "capacity-reduction"])
      assert.strictEqual((yield* deployment).spec.replicas, 30)
      yield* approve
      // It does not help, so it is undone.
      assert.deepStrictEqual(yield* writtenReplicas, [6, 30])
    }).pipe(Effect.scoped)
  )

  it.effect("an approval of a rollback does not cover the restart that a second investigation proposes", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf((round) =>
        round === 1 ? rollback : { type: "RestartWorkload", target: checkout }
      )
      const { approve, outcome } = yield* waiting(investigator)
      yield* outcome
      yield* TestClock.adjust("1 hour")
      const again = yield* approve
      assert.deepStrictEqual([again.state, again.decision?.action.type], ["AwaitingReview", "RestartWorkload"])
      assert.deepStrictEqual(rules(again.decision), ["changed-since-approval", "approve-mode"])
    }).pipe(Effect.scoped)
  )

  it.effect("a person is asked three times at most", () =>
    Effect.gen(function* () {
      const investigator = investigatorOf(() => ({ type: "ScaleWorkload", target: checkout, replicas: 6 }))
      const { approve, client, outcome } = yield* waiting(investigator)
      yield* outcome
      for (const replicas of [30, 31]) {
        yield* scaleTo(replicas)(client)
        assert.strictEqual((yield* approve).state, "AwaitingReview")
      }
      yield* scaleTo(32)(client)
      const { decision, state } = yield* approve
      assert.deepStrictEqual([state, rules(decision)?.[0]], ["Escalated", "asked-too-often"])
    }).pipe(Effect.scoped)
  )
})
