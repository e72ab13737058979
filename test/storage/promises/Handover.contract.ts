/** The promises about alerts that joined a remediation which ends without an action. */

import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Severity } from "../../../src/domain/Alert.ts"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import { type Target, targetKey } from "../../../src/domain/Target.ts"
import type { AuditLog } from "../../../src/storage/AuditLog.ts"
import { type Fenced, type NotAwaiting, RemediationStore } from "../../../src/storage/RemediationStore.ts"
import type { StorageError } from "../../../src/storage/StorageError.ts"
import { assertConsistent } from "../Consistency.ts"
import {
  decided,
  deployment,
  kindsOf,
  minute,
  newAlert,
  pod,
  remediate,
  remediationId,
  remediationNamed,
  take
} from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")

/** Posts a firing alert. Its fingerprint is `f` and its id. */
const fire = (id: string, severity: Severity, name = "A", target: Target = checkout) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const [result] = yield* store.accept([newAlert(id, `f${id}`, target, { severity, name })], minute(0))
    return result!.status
  })

const resolve = (id: string, at = 1) =>
  Effect.flatMap(RemediationStore, (store) =>
    store.resolve([{ cluster: "test", fingerprint: `f${id}`, startsAt: minute(0), endsAt: minute(at) }], minute(at))
  )

const end = (state: "Observed" | "Escalated" | "Cancelled", target: Target = checkout) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const { claim, remediation } = yield* take(target)
    const event: RemediationEvent = { _tag: "Concluded", state, reason: "test" }
    return yield* store.append(claim, remediation, [event], minute(2))
  })

/** The open remediation of the target, if any. */
const openOf = (target: Target = checkout) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const { open } = yield* store.claim(targetKey(target))
    return Option.getOrUndefined(Option.map(open, ({ id }) => id.replace("rem-", "")))
  })

export const handingOver = (layer: StorageLayer): void => {
  const check = (
    claim: string,
    body: Effect.Effect<void, StorageError | Fenced | NotAwaiting, RemediationStore | AuditLog>
  ) => it.effect(claim, () => Effect.provide(Effect.andThen(body, assertConsistent), layer))

  check(
    "a critical alert that joined an info alert takes over when that is only observed",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* fire("1", "info")
      assert.strictEqual(yield* fire("2", "critical"), "joined")
      const ended = yield* end("Observed")
      assert.strictEqual(ended.handedOverTo, remediationId("2.2"))
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Concluded", "HandedOver"])
      const joined = yield* remediationNamed("2")
      assert.deepStrictEqual([joined.state, joined.joinedTo], ["Joined", remediationId("1")])
      const next = yield* remediationNamed("2.2")
      assert.deepStrictEqual([next.state, next.alert.fingerprint, next.continues], ["Received", "f2", joined.id])
      assert.deepStrictEqual(yield* store.openWork, [{ target: targetKey(checkout), severity: "critical" }])
      assert.strictEqual(yield* store.backlog, 1)
      // The alert that led before is evidence now, and the one that leads is not.
      const evidence = yield* store.joinedAlerts(next.id, 10)
      assert.deepStrictEqual(
        evidence.map(({ fingerprint }) => fingerprint),
        ["f1"]
      )
    })
  )

  check(
    "when the alert of the lead resolves, the most severe alert that still fires takes over",
    Effect.gen(function* () {
      yield* fire("1", "critical")
      yield* fire("2", "warning")
      yield* fire("3", "critical")
      yield* fire("4", "warning")
      yield* resolve("1")
      yield* end("Cancelled")
      assert.strictEqual(yield* openOf(), "3.2")
      yield* resolve("3")
      yield* end("Cancelled")
      assert.strictEqual(yield* openOf(), "2.2")
      yield* resolve("2")
      yield* resolve("4")
      yield* end("Cancelled")
      assert.isUndefined(yield* openOf())
    })
  )

  check(
    "after an escalation without an action a more severe alert or one of another name takes over, and an equal one does not",
    Effect.gen(function* () {
      yield* fire("1", "warning", "A")
      yield* fire("2", "warning", "A")
      yield* fire("3", "warning", "B")
      yield* fire("4", "critical", "A")
      yield* end("Escalated")
      assert.strictEqual(yield* openOf(), "4.2")
      yield* end("Escalated")
      assert.strictEqual(yield* openOf(), "3.2")
      yield* end("Escalated")
      assert.isUndefined(yield* openOf())
    })
  )

  check(
    "nobody takes over after a fix, after a rejection, or for an alert that is only monitored",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* fire("1", "warning")
      yield* fire("2", "critical")
      const { claim, remediation } = yield* take(checkout)
      yield* remediate(claim, remediation, minute(1))
      assert.isUndefined(yield* openOf())

      const cart = deployment("cart")
      yield* fire("3", "warning", "A", cart)
      yield* fire("4", "critical", "A", cart)
      const asked = yield* take(cart)
      yield* store.append(asked.claim, asked.remediation, [decided(cart, "review")], minute(1))
      yield* store.review(remediationId("3"), { answer: "rejected", by: "ann", at: minute(2) }, minute(2))
      yield* end("Cancelled", cart)
      assert.isUndefined(yield* openOf(cart))

      const search = deployment("search")
      yield* fire("5", "critical", "A", search)
      yield* fire("6", "info", "B", search)
      yield* end("Escalated", search)
      assert.isUndefined(yield* openOf(search))
    })
  )

  check(
    "an alert that joined at its root owner, and those that had joined it, take over in turn",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const one = pod("checkout-1")
      yield* fire("1", "info", "A", checkout)
      yield* fire("2", "warning", "B", one)
      yield* fire("3", "critical", "C", one)
      const { claim, remediation } = yield* take(one)
      yield* store.retarget(claim, remediation, checkout, minute(1))
      assert.deepStrictEqual(yield* store.openWork, [{ target: targetKey(checkout), severity: "critical" }])
      yield* end("Observed")
      assert.strictEqual(yield* openOf(), "3.2")
      yield* end("Escalated")
      assert.strictEqual(yield* openOf(), "2.2")
    })
  )

  check(
    "the resolution of an alert that took over, and its repeats, belong to the remediation that works on it",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* fire("1", "info")
      yield* fire("2", "critical")
      yield* end("Observed")
      const [repeat] = yield* store.accept([newAlert("9", "f2", checkout)], minute(3))
      assert.deepStrictEqual([repeat?.status, repeat?.remediationId], ["duplicate", remediationId("2.2")])
      assert.deepStrictEqual(Option.getOrThrow(yield* store.lastFiring(remediationId("2.2"))), {
        at: minute(3),
        resolved: false,
        joinedAt: minute(0)
      })
      const [resolution] = yield* resolve("2", 4)
      assert.isTrue(resolution?.open)
      assert.strictEqual((yield* remediationNamed("2.2")).alertResolvedAt, minute(4))
    })
  )

  check(
    "a retry of the append that ended the lead hands over once",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* fire("1", "info")
      yield* fire("2", "critical")
      const { claim, remediation } = yield* take(checkout)
      const event: RemediationEvent = { _tag: "Concluded", state: "Observed", reason: "test" }
      const first = yield* store.append(claim, remediation, [event], minute(2))
      assert.deepStrictEqual(yield* store.append(claim, remediation, [event], minute(2)), first)
      assert.strictEqual((yield* store.list({ limit: 10 })).items.length, 3)
    })
  )
}
