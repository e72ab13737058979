/** The promises of `retarget`. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { assertConsistent } from "../Consistency.ts"
import { deployment, kindsOf, minute, newAlert, pod, remediationId, started, take } from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")

export const retargeting = (layer: StorageLayer): void => {
  it.effect("a remediation moves to its root owner, and the claim of the old target can no longer write to it", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", pod("checkout-1"))], minute(0))
      const { claim, remediation } = yield* take(pod("checkout-1"))
      const moved = yield* store.retarget(claim, remediation, checkout, minute(1))
      assert.deepStrictEqual(moved.target, checkout)
      assert.isFalse(moved.provisional)
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout)])
      assert.strictEqual((yield* Effect.flip(store.append(claim, moved, [started], minute(2))))._tag, "Fenced")
      const owner = yield* take(checkout)
      assert.strictEqual(owner.remediation.id, remediationId("1"))
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("a remediation joins the open remediation of its root owner, together with its own joined alerts", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const one = pod("checkout-1")
      yield* store.accept(
        [newAlert("1", "f1", checkout), newAlert("2", "f2", one), newAlert("3", "f3", one)],
        minute(0)
      )
      const { claim, remediation } = yield* take(one)
      const moved = yield* store.retarget(claim, remediation, checkout, minute(1))
      assert.strictEqual(moved.state, "Joined")
      assert.strictEqual(moved.joinedTo, remediationId("1"))
      assert.deepStrictEqual(yield* kindsOf("2"), ["Accepted", "Retargeted", "Joined"])
      const evidence = yield* store.joinedAlerts(remediationId("1"), 10)
      assert.deepStrictEqual(evidence.map((alert) => alert.fingerprint).sort(), ["f2", "f3"])
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("a target that is its own root owner keeps its claim", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", pod("alone"))], minute(0))
      const { claim, remediation } = yield* take(pod("alone"))
      const settled = yield* store.retarget(claim, remediation, pod("alone"), minute(1))
      assert.isFalse(settled.provisional)
      assert.strictEqual((yield* store.append(claim, settled, [started], minute(2))).state, "Investigating")
    }).pipe(Effect.provide(layer))
  )

  it.effect("retrying a retarget that was committed returns the same result", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", checkout), newAlert("2", "f2", pod("p"))], minute(0))
      const { claim, remediation } = yield* take(pod("p"))
      const once = yield* store.retarget(claim, remediation, checkout, minute(1))
      assert.deepStrictEqual(yield* store.retarget(claim, remediation, checkout, minute(2)), once)
    }).pipe(Effect.provide(layer))
  )
}
