/** The promises about repeats: which posts of an alert belong together, and which begin new work. */

import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Alert } from "../../../src/domain/Alert.ts"
import type { Target } from "../../../src/domain/Target.ts"
import { Levels } from "../../../src/storage/Levels.ts"
import { type Fenced, RemediationStore } from "../../../src/storage/RemediationStore.ts"
import type { Services } from "../../../src/storage/Storage.ts"
import type { StorageError } from "../../../src/storage/StorageError.ts"
import { assertConsistent } from "../Consistency.ts"
import {
  concluded,
  decided,
  deployment,
  kindsOf,
  minute,
  newAlert,
  pod,
  remediate,
  remediationId,
  remediationNamed,
  started,
  take
} from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")

/** Posts the firing alert `f`, with the id of the remediation that it may begin. */
const fire = (id: string, startsAt: number, at: number, target: Target = checkout) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const [result] = yield* store.accept([newAlert(id, "f", target, { startsAt: minute(startsAt) })], minute(at))
    return `${result!.status} ${result!.remediationId.replace("rem-", "")}`
  })

/** Posts its resolution. */
const resolve = (startsAt: number, endsAt: number, at = endsAt) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const [result] = yield* store.resolve(
      [{ cluster: "test", fingerprint: "f", startsAt: minute(startsAt), endsAt: minute(endsAt) }],
      minute(at)
    )
    return result!.open
  })

const end = (state: "Remediated" | "Escalated" | "Cancelled", at: number) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    const { claim, remediation } = yield* take(checkout)
    return state === "Remediated"
      ? yield* remediate(claim, remediation, minute(at))
      : yield* store.append(claim, remediation, [concluded(state)], minute(at))
  })

const lastFiring = (id: string) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    return Option.getOrUndefined(yield* store.lastFiring(remediationId(id)))
  })

export const episodes = (layer: StorageLayer): void => {
  const check = (claim: string, body: Effect.Effect<void, StorageError | Fenced, Services>) =>
    it.effect(claim, () => Effect.provide(body, layer))

  check(
    "a firing alert with an earlier or a later start belongs to the open remediation, and either start ends it",
    Effect.gen(function* () {
      assert.strictEqual(yield* fire("1", 5, 5), "accepted 1")
      assert.strictEqual(yield* fire("2", 4, 5), "duplicate 1")
      assert.strictEqual(yield* fire("3", 6, 6), "duplicate 1")
      assert.isTrue(yield* resolve(4, 9))
      assert.strictEqual((yield* remediationNamed("1")).alertResolvedAt, minute(9))
    })
  )

  check(
    "an alert that fires again after its remediation was cancelled is new work, even with the same start",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* resolve(0, 10)
      yield* end("Cancelled", 10)
      assert.strictEqual(yield* fire("2", 0, 11), "accepted 2")
      assert.strictEqual(yield* fire("3", 0, 12), "duplicate 2")
    })
  )

  check(
    "an alert that fires again while its remediation is open joins it",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* resolve(0, 10)
      assert.strictEqual(yield* fire("2", 0, 11), "joined 2")
      assert.deepStrictEqual(yield* kindsOf("2"), ["Accepted", "Joined"])
    })
  )

  check(
    "the resolution of an alert whose remediation has ended is remembered: the next firing post is new work",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* end("Escalated", 1)
      assert.isFalse(yield* resolve(0, 10))
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted", "Concluded", "AlertResolved"])
      assert.strictEqual(yield* fire("2", 0, 11), "accepted 2")
    })
  )

  check(
    "a post that is to be worked on is never the repeat of one that was only recorded, and the other way round it is",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const record = (id: string, at: number) =>
        Effect.map(
          store.accept([{ ...newAlert(id, "f", pod("other")), observed: "about Kubernaut itself" }], minute(at)),
          ([result]) => `${result!.status} ${result!.remediationId.replace("rem-", "")}`
        )
      assert.strictEqual(yield* record("1", 0), "observed 1")
      assert.strictEqual(yield* record("2", 1), "duplicate 1")
      const start = { cluster: "test", fingerprint: "f", startsAt: minute(0) }
      assert.deepStrictEqual(yield* store.known([start]), [undefined])
      assert.strictEqual(yield* fire("2", 0, 2), "accepted 2")
      assert.deepStrictEqual(yield* store.known([start]), [remediationId("2")])
      assert.strictEqual(yield* record("3", 3), "duplicate 2")
      yield* end("Escalated", 4)
      assert.strictEqual(yield* record("3", 5), "duplicate 2")
      assert.strictEqual(yield* fire("3", 0, 6), "duplicate 2")
      yield* assertConsistent
    })
  )

  check(
    "repeats of an alert that an emergency held back begin nothing while it lasts, and one begins work after it",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const levels = yield* Levels
      const at = (level: 0 | 3) =>
        levels.record({ level, automatic: level, reasons: [], since: minute(0), out: [], dismissed: [] }, [])
      const inEmergency = decided(checkout, "escalate")
      if (inEmergency._tag !== "Decided") return assert.fail()
      const reasons = [{ rule: "emergency-level", message: "the level is 3" }]
      yield* at(3)
      yield* fire("1", 0, 0)
      const { claim, remediation } = yield* take(checkout)
      const events = [
        started,
        { ...inEmergency, level: 3 as const, decision: { ...inEmergency.decision, reasons } },
        concluded("Escalated")
      ]
      yield* store.append(claim, remediation, events, minute(1))
      for (const minutes of [5, 10, 240]) assert.strictEqual(yield* fire("2", 0, minutes), "duplicate 1")
      yield* at(0)
      assert.strictEqual(yield* fire("2", 0, 300), "accepted 2")
      assert.strictEqual(yield* fire("3", 0, 301), "duplicate 2")
    })
  )

  check(
    "repeats of an alert begin nothing after an actor has worked on it and only observed it",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* fire("1", 0, 0)
      const { claim, remediation } = yield* take(checkout)
      const observed = { _tag: "Concluded", state: "Observed", reason: "nothing is wrong" } as const
      yield* store.append(claim, remediation, [started, observed], minute(1))
      assert.strictEqual(yield* fire("2", 0, 240), "duplicate 1")
    })
  )

  check(
    "repeats of an alert that still fires begin nothing after its remediation was escalated",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* end("Escalated", 1)
      for (const hours of [4, 8, 12]) assert.strictEqual(yield* fire("2", 0, hours * 60), "duplicate 1")
    })
  )

  check(
    "an alert that still fires long after a fix is new work and refutes the fix, and one that fires just after is a repeat",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* end("Remediated", 2)
      assert.strictEqual(yield* fire("2", 0, 7), "duplicate 1")
      assert.strictEqual(yield* fire("2", 0, 240), "accepted 2")
      assert.strictEqual(yield* fire("3", 0, 241), "duplicate 2")
    })
  )

  check(
    "an alert that began to fire after its remediation had ended is new work, even if its resolution was never received",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* end("Escalated", 1)
      assert.strictEqual(yield* fire("2", 2, 2), "duplicate 1")
      assert.strictEqual(yield* fire("2", 30, 30), "accepted 2")
      assert.strictEqual(yield* fire("3", 0, 31), "duplicate 2")
    })
  )

  check(
    "a resolution that is older than the newest firing post does not end an open remediation",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      yield* fire("2", 10, 11)
      assert.isFalse(yield* resolve(0, 5, 12))
      assert.deepStrictEqual(yield* kindsOf("1"), ["Accepted"])
      assert.isTrue(yield* resolve(10, 15))
    })
  )

  check(
    "the late copy of a resolution does not end the next episode, and one whose end lies in the future ends its own",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      assert.isTrue(yield* resolve(0, 60, 10))
      yield* end("Cancelled", 10)
      assert.strictEqual(yield* fire("2", 0, 11), "accepted 2")
      assert.isFalse(yield* resolve(0, 60, 12))
      assert.isUndefined((yield* remediationNamed("2")).alertResolvedAt)
      assert.isTrue(yield* resolve(0, 20))
      yield* end("Cancelled", 20)
      assert.strictEqual(yield* fire("3", 21, 21), "accepted 3")
      assert.isFalse(yield* resolve(0, 20, 22))
    })
  )

  check(
    "alerts of two clusters with one fingerprint are two alerts",
    Effect.gen(function* () {
      yield* fire("1", 0, 0)
      assert.strictEqual(yield* fire("2", 0, 0, { ...checkout, cluster: "other" }), "accepted 2")
      yield* resolve(0, 1)
      assert.isUndefined((yield* remediationNamed("2")).alertResolvedAt)
    })
  )

  check(
    "it is known when other alerts of the namespace and of the cluster began to fire before, and what became of them",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const others = (id: string) =>
        Effect.map(store.earlierFirings(remediationId(id), 20), ({ firings }) =>
          firings.map(({ from, other, to }) => [from, to, other?.target.name, other?.fixed])
        )
      const accept = (id: string, target: Target, starts: number, rest: Partial<Alert> = {}) =>
        store.accept([newAlert(id, id, target, { startsAt: minute(starts), ...rest })], minute(starts))
      yield* accept("a", checkout, 0)
      yield* accept("b", checkout, 1)
      yield* end("Remediated", 3)
      yield* accept("c", deployment("cart"), 4)
      yield* accept("d", { ...checkout, namespace: "", kind: "Node", name: "node-1" }, 5)
      yield* store.resolve([{ cluster: "test", fingerprint: "d", startsAt: minute(5), endsAt: minute(6) }], minute(7))
      yield* accept("e", { ...checkout, namespace: "elsewhere" }, 7)
      yield* accept("g", { ...checkout, cluster: "other" }, 7)
      yield* accept("h", deployment("informed"), 7, { severity: "info" })
      yield* fire("1", 8, 9)
      yield* accept("i", deployment("later"), 10)
      assert.deepStrictEqual(yield* others("1"), [
        [minute(5), minute(6), "node-1", false],
        [minute(4), undefined, "cart", false],
        [minute(1), minute(3), "checkout", true],
        [minute(0), minute(3), "checkout", true]
      ])
    })
  )

  check(
    "another alert is known however many fired after it in the namespace, and where they are too many, that is known",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const accept = (id: string, name: string, minutes: number) =>
        store.accept([newAlert(id, id, deployment(name), { startsAt: minute(minutes) })], minute(minutes))
      yield* accept("000", "cart", 0)
      for (let n = 1; n <= 40; n++) yield* accept(String(n).padStart(3, "0"), `other-${n}`, n)
      yield* accept("100", "checkout", 60)
      const all = yield* store.earlierFirings(remediationId("100"), 42)
      assert.deepStrictEqual(
        [all.firings.length, all.firings.at(-1)?.other?.target.name, all.cutAt],
        [41, "cart", undefined]
      )
      const cut = yield* store.earlierFirings(remediationId("100"), 41)
      assert.deepStrictEqual([cut.firings.length, cut.cutAt], [40, minute(0)])
      yield* accept("200", "later", 60 * 30)
      assert.deepStrictEqual(yield* store.earlierFirings(remediationId("200"), 10), { firings: [] })
    })
  )

  check(
    "it is known when an alert fired before",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const earlier = (id: string) => Effect.map(store.earlierFirings(remediationId(id), 10), ({ firings }) => firings)
      yield* fire("1", 0, 1)
      assert.deepStrictEqual(yield* earlier("1"), [])
      yield* resolve(0, 5)
      yield* fire("2", 8, 9)
      assert.deepStrictEqual(yield* earlier("2"), [{ from: minute(0), to: minute(5) }])
      yield* resolve(8, 12)
      yield* fire("3", 14, 14)
      assert.deepStrictEqual(yield* earlier("3"), [
        { from: minute(8), to: minute(12) },
        { from: minute(0), to: minute(5) }
      ])
    })
  )

  check(
    "the last firing post of an alert and of those that joined it is kept, until they are resolved",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* fire("1", 0, 0)
      assert.deepStrictEqual(yield* lastFiring("1"), { at: minute(0), resolved: false })
      yield* fire("x", 0, 3)
      yield* store.accept([newAlert("2", "g", checkout)], minute(4))
      assert.deepStrictEqual(yield* lastFiring("1"), { at: minute(3), resolved: false, joinedAt: minute(4) })
      yield* store.resolve([{ cluster: "test", fingerprint: "g", startsAt: minute(0), endsAt: minute(5) }], minute(5))
      yield* resolve(0, 5)
      assert.deepStrictEqual(yield* lastFiring("1"), {
        at: minute(3),
        resolved: true,
        endedAt: minute(5),
        endHeardAt: minute(5)
      })
      yield* fire("3", 0, 6)
      assert.deepStrictEqual(yield* lastFiring("1"), { at: minute(6), resolved: false, againAt: minute(6) })
      yield* resolve(0, 7)
      const again = { resolved: true, endedAt: minute(7), endHeardAt: minute(7), againAt: minute(6) }
      assert.deepStrictEqual(yield* lastFiring("1"), { at: minute(6), ...again })
      assert.isUndefined(yield* lastFiring("unknown"))
      yield* assertConsistent
    })
  )

  check(
    "an alert that joined and is not resolved is known to be graver, if it is",
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { alert, ...rest } = newAlert("1", "f", checkout)
      yield* store.accept([{ ...rest, alert: { ...alert, severity: "warning" } }], minute(0))
      const joins = (id: string, severity: "warning" | "critical") => {
        const { alert, ...rest } = newAlert(id, id, checkout)
        return store.accept([{ ...rest, alert: { ...alert, severity } }], minute(1))
      }
      yield* joins("2", "warning")
      assert.isUndefined((yield* lastFiring("1"))?.graverJoined)
      yield* joins("3", "critical")
      assert.isTrue((yield* lastFiring("1"))?.graverJoined)
      yield* store.resolve([{ cluster: "test", fingerprint: "3", startsAt: minute(0), endsAt: minute(2) }], minute(2))
      assert.isUndefined((yield* lastFiring("1"))?.graverJoined)
    })
  )
}
