/** The promises of `review` and `reviews`. */

import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { assertConsistent } from "../Consistency.ts"
import {
  approval,
  concluded,
  decided,
  deployment,
  intended,
  kindsOf,
  minute,
  newAlert,
  remediationId,
  started,
  take
} from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")
const cart = deployment("cart")

export const reviewing = (layer: StorageLayer): void => {
  const waiting = Effect.gen(function* () {
    const store = yield* RemediationStore
    yield* store.accept([newAlert("1", "f", checkout)], minute(0))
    const { claim, remediation } = yield* take(checkout)
    return {
      claim,
      remediation: yield* store.append(claim, remediation, [started, decided(checkout, "review")], minute(1))
    }
  })

  it.effect("a decision is listed until it is reviewed, and the next append includes the review", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { claim, remediation } = yield* waiting
      const [pending, ...others] = yield* store.reviews(10)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(pending?.id, remediationId("1"))
      assert.strictEqual(pending?.action.type, "RestartWorkload")
      assert.strictEqual(pending?.since, minute(1))
      assert.deepStrictEqual(
        pending?.reasons.map((reason) => reason.rule),
        ["mode"]
      )
      const answered = yield* store.review(remediationId("1"), approval, minute(5))
      assert.strictEqual(answered.review?.answer, "approved")
      assert.deepStrictEqual(yield* store.reviews(10), [])
      const next = yield* store.append(claim, remediation, [intended(checkout, "e")], minute(6))
      assert.strictEqual(next.review?.by, "ann")
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  const until = Effect.gen(function* () {
    const store = yield* RemediationStore
    yield* store.accept([newAlert("1", "f", checkout)], minute(0))
    const { claim, remediation } = yield* take(checkout)
    const asks = { ...decided(checkout, "review"), answerBy: minute(30) }
    return { claim, remediation: yield* store.append(claim, remediation, [started, asks], minute(1)) }
  })

  it.effect("a question times out at its end and not before, once, and is open work then", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { claim, remediation } = yield* until
      assert.strictEqual((yield* store.reviews(10))[0]?.expiresAt, minute(30))
      assert.deepStrictEqual(yield* store.timeOutReviews(minute(29)), [])
      assert.deepStrictEqual(yield* store.openTargets, [])
      const [ended, ...others] = yield* store.timeOutReviews(minute(30))
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual(ended?.timedOut, { question: 1, answerBy: minute(30) })
      assert.deepStrictEqual(yield* store.timeOutReviews(minute(31)), [])
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout)])
      assert.deepStrictEqual(yield* store.reviews(10), [])
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Started", "Decided", "ReviewTimedOut"])
      const after = yield* store.append(claim, remediation, [concluded("Escalated")], minute(32))
      assert.isDefined(after.timedOut, "the owner learns of it, and is not fenced by it")
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("a question of an earlier version, without an end, times out by when it was asked", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* waiting
      assert.deepStrictEqual(yield* store.timeOutReviews(minute(9000)), [])
      assert.deepStrictEqual(yield* store.timeOutReviews(minute(9000), minute(0)), [])
      assert.strictEqual((yield* store.timeOutReviews(minute(9000), minute(1))).length, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("an approval at or after the end is refused as late, and a rejection before the sweep still counts", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* until
      const error = yield* Effect.flip(store.review(remediationId("1"), approval, minute(30)))
      assert.deepInclude(error, { _tag: "NotAwaiting", why: "timed-out", at: minute(30) })
      const rejected = yield* store.review(remediationId("1"), { ...approval, answer: "rejected" }, minute(31))
      assert.strictEqual(rejected.review?.answer, "rejected")
      assert.deepStrictEqual(yield* store.timeOutReviews(minute(40)), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "an alert whose review timed out begins work again with its next post, and one that was rejected does not",
    () =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        const { claim, remediation } = yield* until
        yield* store.timeOutReviews(minute(30))
        const escalated = { _tag: "Concluded", state: "Escalated", reason: "Nobody answered." } as const
        yield* store.append(claim, remediation, [escalated], minute(31))
        const [again] = yield* store.accept([newAlert("2", "f", checkout)], minute(240))
        assert.deepInclude(again, { status: "accepted", remediationId: remediationId("2") })
        const second = yield* take(checkout)
        const asking = yield* store.append(
          second.claim,
          second.remediation,
          [started, decided(checkout, "review")],
          minute(241)
        )
        yield* store.review(remediationId("2"), { ...approval, answer: "rejected" }, minute(242))
        yield* store.append(second.claim, asking, [escalated], minute(243))
        const [repeat] = yield* store.accept([newAlert("3", "f", checkout)], minute(480))
        assert.strictEqual(repeat?.status, "duplicate")
      }).pipe(Effect.provide(layer))
  )

  it.effect("the same holds where the question was about an alternative to an action that is undone", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { claim, remediation } = yield* until
      yield* store.timeOutReviews(minute(30))
      const undone = { _tag: "Concluded", state: "RolledBack", reason: "Undone. Nobody answered." } as const
      yield* store.append(claim, remediation, [undone], minute(31))
      const [again] = yield* store.accept([newAlert("2", "f", checkout)], minute(240))
      assert.deepInclude(again, { status: "accepted", remediationId: remediationId("2") })
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("a second review, a review that is not due, and a review of an unknown remediation are refused", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* waiting
      yield* store.accept([newAlert("2", "f2", cart)], minute(0))
      yield* store.review(remediationId("1"), approval, minute(5))
      const refusals = yield* Effect.forEach(["1", "2", "3"], (id) =>
        Effect.flip(store.review(remediationId(id), { ...approval, answer: "rejected" }, minute(6)))
      )
      assert.deepStrictEqual(
        refusals.map((error) => (error._tag === "NotAwaiting" ? [error.state, error.why] : error._tag)),
        [
          ["Investigating", "already-reviewed"],
          ["Received", "not-asked"],
          [undefined, "not-found"]
        ]
      )
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Started", "Decided", "Reviewed"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a remediation that awaits review has no work until it is reviewed, and stays open", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* waiting
      yield* store.accept([newAlert("2", "f2", cart)], minute(2))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(cart)])
      assert.strictEqual(yield* store.backlog, 2)
      const { open } = yield* store.claim(targetKey(checkout))
      assert.deepStrictEqual(
        Option.map(open, (remediation) => remediation.state),
        Option.some("AwaitingReview")
      )
      yield* store.review(remediationId("1"), approval, minute(5))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout), targetKey(cart)])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a remediation that awaits review has work once its alert is resolved", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* waiting
      assert.deepStrictEqual(yield* store.openTargets, [])
      yield* store.resolve([{ cluster: "test", fingerprint: "f", startsAt: minute(0), endsAt: minute(3) }], minute(3))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout)])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a remediation that ended without a review is not listed", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { claim, remediation } = yield* waiting
      yield* store.append(claim, remediation, [concluded("Cancelled")], minute(2))
      assert.deepStrictEqual(yield* store.reviews(10), [])
    }).pipe(Effect.provide(layer))
  )
}
