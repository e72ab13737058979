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
        refusals.map((error) => (error._tag === "NotAwaiting" ? [error.state, error.answered] : error._tag)),
        [
          ["Investigating", true],
          ["Received", false],
          [undefined, false]
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
