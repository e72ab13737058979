/** The promises of `resolve` and `joinedAlerts`. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { assertConsistent } from "../Consistency.ts"
import { concluded, deployment, kindsOf, minute, newAlert, remediationId, remediationNamed, take } from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")

export const resolving = (layer: StorageLayer): void => {
  const resolution = (fingerprint: string) => ({ cluster: "test", fingerprint, startsAt: minute(0), endsAt: minute(4) })

  it.effect("a resolution is journaled once while the remediation is open", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const expected = { remediationId: remediationId("1"), target: targetKey(checkout), open: true }
      assert.deepStrictEqual(yield* store.resolve([resolution("f"), resolution("f")], minute(4)), [expected, expected])
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "AlertResolved"])
      assert.strictEqual((yield* remediationNamed("1")).alertResolvedAt, minute(4))
    }).pipe(Effect.provide(layer))
  )

  it.effect("the resolution of an unknown alert, or of another cluster, changes nothing", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const results = yield* store.resolve([resolution("other"), { ...resolution("f"), cluster: "other" }], minute(4))
      assert.deepStrictEqual(results, [{ open: false }, { open: false }])
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a late resolution does not change a remediation whose end a person or a fix has decided", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [concluded("Remediated")], minute(1))
      const [result] = yield* store.resolve([resolution("f")], minute(4))
      assert.deepStrictEqual(result, { remediationId: remediationId("1"), target: targetKey(checkout), open: false })
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Concluded"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("the resolution of an alert that was escalated is journaled once: no person is needed any more", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [concluded("Escalated")], minute(1))
      const results = yield* store.resolve([resolution("f"), resolution("f")], minute(4))
      const expected = { remediationId: remediationId("1"), target: targetKey(checkout), open: false }
      assert.deepStrictEqual(results, [expected, expected])
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Concluded", "AlertResolved"])
      assert.strictEqual((yield* remediationNamed("1")).state, "Escalated")
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("the resolution of an escalated alert hides no alert that joined it and began to fire again since", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout), newAlert("2", "g", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [concluded("Escalated")], minute(1))
      yield* store.resolve([{ ...resolution("f"), endsAt: minute(30) }], minute(30))
      const [again] = yield* store.accept([newAlert("3", "g", checkout, { startsAt: minute(20) })], minute(31))
      assert.strictEqual(again!.status, "accepted")
    }).pipe(Effect.provide(layer))
  )

  it.effect("the resolution of an alert that was only observed is journaled", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([{ ...newAlert("1", "f", checkout), observed: "of another cluster" }], minute(0))
      const results = yield* store.resolve([resolution("f"), resolution("f")], minute(4))
      const expected = { remediationId: remediationId("1"), target: targetKey(checkout), open: false }
      assert.deepStrictEqual(results, [expected, expected])
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Concluded", "AlertResolved"])
      assert.strictEqual((yield* remediationNamed("1")).state, "Observed")
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "a joined alert is evidence until it is resolved, and its resolution names the target of the remediation it joined",
    () =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        yield* store.accept(
          [newAlert("1", "f1", checkout), newAlert("2", "f2", checkout), newAlert("3", "f3", checkout)],
          minute(0)
        )
        const before = yield* store.joinedAlerts(remediationId("1"), 10)
        assert.deepStrictEqual(
          before.map((alert) => alert.fingerprint),
          ["f2", "f3"]
        )
        assert.strictEqual((yield* store.joinedAlerts(remediationId("1"), 1)).length, 1)
        const [result] = yield* store.resolve([resolution("f2")], minute(4))
        assert.deepStrictEqual(result, { remediationId: remediationId("2"), target: targetKey(checkout), open: true })
        const after = yield* store.joinedAlerts(remediationId("1"), 10)
        assert.deepStrictEqual(
          after.map((alert) => alert.fingerprint),
          ["f3"]
        )
      }).pipe(Effect.provide(layer))
  )
}
