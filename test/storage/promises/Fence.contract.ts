/** The promises of `claim`, `holds` and `append`. */

import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { assertConsistent } from "../Consistency.ts"
import {
  concluded,
  deployment,
  intended,
  kindsOf,
  minute,
  newAlert,
  remediationNamed,
  started,
  take
} from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")
const cart = deployment("cart")

export const fencing = (layer: StorageLayer): void => {
  it.effect("each claim of a target has a higher epoch than the previous one, and only the newest claim holds", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const first = yield* store.claim(targetKey(checkout))
      const second = yield* store.claim(targetKey(checkout))
      assert.isTrue(Option.isNone(first.open))
      assert.isAbove(second.claim.epoch, first.claim.epoch)
      assert.isFalse(yield* store.holds(first.claim))
      assert.isTrue(yield* store.holds(second.claim))
      assert.isFalse(yield* store.holds({ target: targetKey(cart), epoch: 1 }))
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a claim journals the first events of its owner in its own commit, and returns the open remediation after them",
    () =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        yield* store.accept([newAlert("1", "f", checkout)], minute(0))
        const { claim, open } = yield* store.claim(targetKey(checkout), (self) =>
          self.sequence === 1 ? [started] : []
        )
        const remediation = Option.getOrThrow(open)
        assert.strictEqual(remediation.sequence, 2)
        assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Started"])
        yield* store.append(claim, remediation, [concluded("Escalated")], minute(1))
        assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Started", "Concluded"])
        yield* store.claim(targetKey(checkout), () => assert.fail("nothing is open"))
        yield* assertConsistent
      }).pipe(Effect.provide(layer))
  )

  it.effect("an append under a superseded claim fails with Fenced and writes nothing", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const stale = yield* take(checkout)
      const fresh = yield* take(checkout)
      const error = yield* Effect.flip(store.append(stale.claim, stale.remediation, [started], minute(1)))
      assert.strictEqual(error._tag, "Fenced")
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted"])
      const next = yield* store.append(fresh.claim, fresh.remediation, [started], minute(1))
      assert.strictEqual(next.state, "Investigating")
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("an append under the claim of another target fails with Fenced and writes nothing", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", checkout), newAlert("2", "f2", cart)], minute(0))
      const mine = yield* take(checkout)
      const error = yield* Effect.flip(store.append(mine.claim, yield* remediationNamed("2"), [started], minute(1)))
      assert.strictEqual(error._tag, "Fenced")
      assert.deepStrictEqual(yield* kindsOf("2"), ["Accepted"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an append returns a resolution that was journaled since the caller read the remediation", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.resolve([{ cluster: "test", fingerprint: "f", startsAt: minute(0), endsAt: minute(1) }], minute(1))
      const next = yield* store.append(claim, remediation, [started], minute(2))
      assert.strictEqual(next.alertResolvedAt, minute(1))
      assert.strictEqual(next.sequence, 3)
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "AlertResolved", "Started"])
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("retrying an append that was committed writes nothing and returns the same result", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const once = yield* store.append(claim, remediation, [started, intended(checkout, "e")], minute(1))
      const again = yield* store.append(claim, remediation, [started, intended(checkout, "e")], minute(2))
      assert.deepStrictEqual(again, once)
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Started", "Intended"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an append from a state older than the claim's own last write is refused", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [started], minute(1))
      const error = yield* Effect.flip(store.append(claim, remediation, [intended(checkout, "e")], minute(2)))
      assert.strictEqual(error._tag, "Fenced")
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Started"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an append to an ended remediation fails and writes nothing", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const ended = yield* store.append(claim, remediation, [concluded("Cancelled")], minute(1))
      const error = yield* Effect.flip(store.append(claim, ended, [started], minute(2)))
      assert.strictEqual(error._tag, "StorageError")
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Concluded"])
    }).pipe(Effect.provide(layer))
  )
}
