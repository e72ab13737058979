/** The promises of `accept` and `known`. */

import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { targetKey } from "../../../src/domain/Target.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { concluded, deployment, kindsOf, minute, newAlert, remediationId, remediationNamed, take } from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")
const cart = deployment("cart")

export const accepting = (layer: StorageLayer): void => {
  it.effect("a new alert is accepted, and a second one with the same fingerprint and start is a duplicate", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const first = yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const second = yield* store.accept([newAlert("2", "f", checkout)], minute(1))
      assert.deepStrictEqual(first, [
        { status: "accepted", remediationId: remediationId("1"), target: targetKey(checkout) }
      ])
      assert.deepStrictEqual(second, [
        { status: "duplicate", remediationId: remediationId("1"), target: targetKey(checkout) }
      ])
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted"])
      assert.isTrue(Option.isNone(yield* store.get(remediationId("2"))))
    }).pipe(Effect.provide(layer))
  )

  it.effect("the same alert twice in one request is accepted once", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const results = yield* store.accept([newAlert("1", "f", checkout), newAlert("2", "f", checkout)], minute(0))
      assert.deepStrictEqual(
        results.map((result) => result.status),
        ["accepted", "duplicate"]
      )
      assert.deepStrictEqual(
        results.map((result) => result.remediationId),
        [remediationId("1"), remediationId("1")]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("an alert with a reason to do nothing ends as Observed at once, and neither joins nor leads another", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const observed = (id: string, fingerprint: string) => ({
        ...newAlert(id, fingerprint, checkout),
        observed: "of another cluster"
      })
      const results = yield* store.accept(
        [observed("1", "f1"), newAlert("2", "f2", checkout), observed("3", "f3"), observed("4", "f1")],
        minute(0)
      )
      assert.deepStrictEqual(
        results.map(({ remediationId, status }) => `${remediationId} ${status}`),
        ["rem-1 observed", "rem-2 accepted", "rem-3 observed", "rem-1 duplicate"]
      )
      assert.deepStrictEqual(yield* kindsOf("3"), ["Accepted", "Concluded"])
      const { conclusion, state } = yield* remediationNamed("3")
      assert.deepStrictEqual([state, conclusion], ["Observed", "of another cluster"])
      assert.strictEqual(yield* store.backlog, 1)
      assert.deepStrictEqual(yield* store.joinedAlerts(remediationId("2"), 10), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an alert is known by its cluster and fingerprint while it fires, whatever its start", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout, { startsAt: minute(1) })], minute(1))
      const queries = [
        ["test", "f", 1],
        ["test", "f", 2],
        ["test", "f", 0],
        ["test", "g", 1],
        ["other", "f", 1]
      ] as const
      const known = store.known(
        queries.map(([cluster, fingerprint, start]) => ({ cluster, fingerprint, startsAt: minute(start) }))
      )
      const id = remediationId("1")
      assert.deepStrictEqual(yield* known, [id, id, id, undefined, undefined])
      yield* store.resolve([{ cluster: "test", fingerprint: "f", startsAt: minute(1), endsAt: minute(2) }], minute(2))
      assert.deepStrictEqual(yield* known, [undefined, undefined, undefined, undefined, undefined])
    }).pipe(Effect.provide(layer))
  )

  it.effect("the same alert in concurrent requests is accepted once", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const results = yield* Effect.forEach(
        ["1", "2", "3"],
        (id) => store.accept([newAlert(id, "f", checkout)], minute(0)),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        results.flat().map((result) => result.status),
        ["accepted", "duplicate", "duplicate"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "an alert joins the open remediation of its target, even within one request, and not that of another target",
    () =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        const results = yield* store.accept(
          [newAlert("1", "f1", checkout), newAlert("2", "f2", checkout), newAlert("3", "f3", cart)],
          minute(0)
        )
        assert.deepStrictEqual(
          results.map((result) => result.status),
          ["accepted", "joined", "accepted"]
        )
        assert.deepStrictEqual(yield* kindsOf("2"), ["Accepted", "Joined"])
        const joined = yield* remediationNamed("2")
        assert.strictEqual(joined.state, "Joined")
        assert.strictEqual(joined.joinedTo, remediationId("1"))
        assert.strictEqual(yield* store.backlog, 2)
      }).pipe(Effect.provide(layer))
  )

  it.effect("an alert about a target whose remediation has ended begins a new remediation", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [concluded("Escalated")], minute(1))
      const [result] = yield* store.accept([newAlert("2", "f2", checkout)], minute(2))
      assert.strictEqual(result?.status, "accepted")
    }).pipe(Effect.provide(layer))
  )
}
