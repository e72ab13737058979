/**
 * What every implementation of `storage` keeps to. `layer` gives a database that is empty each time it is built.
 *
 * Longer than other files, because the promises of the store hold together: a reader who ports it wants them all before
 * him.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer, Option, Schema } from "effect"
import type { Remediation } from "../../src/domain/Remediation.ts"
import { targetKey } from "../../src/domain/Target.ts"
import type { ActionHistory } from "../../src/storage/ActionHistory.ts"
import type { AuditLog } from "../../src/storage/AuditLog.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import type { StorageError } from "../../src/storage/StorageError.ts"
import { history } from "./ActionHistory.contract.ts"
import { auditing } from "./AuditLog.contract.ts"
import { assertConsistent } from "./Consistency.ts"
import {
  concluded,
  decided,
  deployment,
  executed,
  intended,
  minute,
  newAlert,
  pod,
  remediationId,
  started,
  take,
  verified
} from "./Incident.ts"

export type StorageLayer = Layer.Layer<RemediationStore | ActionHistory | AuditLog, StorageError>

const checkout = deployment("checkout")
const cart = deployment("cart")
const answer = { answer: "approved", by: "ann", at: minute(5) } as const

const kinds = (id: string) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    return (yield* store.journal(remediationId(id))).map((entry) => entry.event._tag)
  })

const known = (id: string) =>
  Effect.gen(function* () {
    const store = yield* RemediationStore
    return Option.getOrThrow(yield* store.get(remediationId(id)))
  })

const accepting = (layer: StorageLayer): void => {
  it.effect("a new alert is received, and the same fingerprint and start again is a duplicate of it", () =>
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
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted"])
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

  it.effect("an alert is known by its fingerprint and start, and not by one of them", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout, { startsAt: minute(1) })], minute(1))
      const asked = [
        ["f", 1],
        ["f", 2],
        ["f", 0],
        ["g", 1]
      ] as const
      assert.deepStrictEqual(
        yield* store.known(asked.map(([fingerprint, start]) => ({ fingerprint, startsAt: minute(start) }))),
        [remediationId("1"), undefined, undefined, undefined]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("the same alert from two requests at once is accepted once", () =>
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

  it.effect("an alert about a target at work joins it, also within one request, and another target's does not", () =>
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
      assert.deepStrictEqual(yield* kinds("2"), ["Accepted", "Joined"])
      const joined = yield* known("2")
      assert.strictEqual(joined.state, "Joined")
      assert.strictEqual(joined.joinedTo, remediationId("1"))
      assert.strictEqual(yield* store.backlog, 2)
    }).pipe(Effect.provide(layer))
  )

  it.effect("once a target's remediation has ended, the next alert about it is work again", () =>
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

const resolving = (layer: StorageLayer): void => {
  const resolution = (fingerprint: string) => ({ fingerprint, startsAt: minute(0), endsAt: minute(4) })

  it.effect("a resolved alert is journaled once while its remediation is at work", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const expected = { remediationId: remediationId("1"), target: targetKey(checkout), open: true }
      assert.deepStrictEqual(yield* store.resolve([resolution("f"), resolution("f")], minute(4)), [expected, expected])
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "AlertResolved"])
      assert.strictEqual((yield* known("1")).alertResolvedAt, minute(4))
    }).pipe(Effect.provide(layer))
  )

  it.effect("an alert that nobody knows, or one of another start, resolves nothing", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const results = yield* store.resolve(
        [resolution("other"), { ...resolution("f"), startsAt: minute(1) }],
        minute(4)
      )
      assert.deepStrictEqual(results, [{ open: false }, { open: false }])
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("what has ended is not touched by a late resolution", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [concluded("Escalated")], minute(1))
      const [result] = yield* store.resolve([resolution("f")], minute(4))
      assert.deepStrictEqual(result, { remediationId: remediationId("1"), target: targetKey(checkout), open: false })
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Concluded"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a joined alert is evidence until it is resolved, and its resolution names the work that it joined", () =>
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

const fencing = (layer: StorageLayer): void => {
  it.effect("each claim of a target is newer than the one before, and only the newest holds", () =>
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
    "a claim journals what its owner begins with in its own commit, and answers what is open as it then is",
    () =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        yield* store.accept([newAlert("1", "f", checkout)], minute(0))
        const { claim, open } = yield* store.claim(targetKey(checkout), (self) =>
          self.sequence === 1 ? [started] : []
        )
        const remediation = Option.getOrThrow(open)
        assert.strictEqual(remediation.sequence, 2)
        assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Started"])
        yield* store.append(claim, remediation, [concluded("Escalated")], minute(1))
        assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Started", "Concluded"])
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
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted"])
      const next = yield* store.append(fresh.claim, fresh.remediation, [started], minute(1))
      assert.strictEqual(next.state, "Investigating")
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("a claim of one target writes nothing about another", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", checkout), newAlert("2", "f2", cart)], minute(0))
      const mine = yield* take(checkout)
      const error = yield* Effect.flip(store.append(mine.claim, yield* known("2"), [started], minute(1)))
      assert.strictEqual(error._tag, "Fenced")
      assert.deepStrictEqual(yield* kinds("2"), ["Accepted"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an append folds in the alert's end that was journaled meanwhile", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.resolve([{ fingerprint: "f", startsAt: minute(0), endsAt: minute(1) }], minute(1))
      const next = yield* store.append(claim, remediation, [started], minute(2))
      assert.strictEqual(next.alertResolvedAt, minute(1))
      assert.strictEqual(next.sequence, 3)
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "AlertResolved", "Started"])
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("repeating an append whose answer got lost writes nothing twice", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const once = yield* store.append(claim, remediation, [started, intended(checkout, "e")], minute(1))
      const again = yield* store.append(claim, remediation, [started, intended(checkout, "e")], minute(2))
      assert.deepStrictEqual(again, once)
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Started", "Intended"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an append from an older state than the claim itself has written is refused", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [started], minute(1))
      const error = yield* Effect.flip(store.append(claim, remediation, [intended(checkout, "e")], minute(2)))
      assert.strictEqual(error._tag, "Fenced")
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Started"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("nothing is appended to what has ended", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const ended = yield* store.append(claim, remediation, [concluded("Cancelled")], minute(1))
      const error = yield* Effect.flip(store.append(claim, ended, [started], minute(2)))
      assert.strictEqual(error._tag, "StorageError")
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Concluded"])
    }).pipe(Effect.provide(layer))
  )
}

const retargeting = (layer: StorageLayer): void => {
  it.effect("a remediation moves to its root owner, and the old claim has lost it", () =>
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

  it.effect("where the root owner is at work already the remediation joins it, with what had joined itself", () =>
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
      assert.deepStrictEqual(yield* kinds("2"), ["Accepted", "Retargeted", "Joined"])
      const evidence = yield* store.joinedAlerts(remediationId("1"), 10)
      assert.deepStrictEqual(evidence.map((alert) => alert.fingerprint).sort(), ["f2", "f3"])
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("a target that is its own root owner stays with its claim", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", pod("alone"))], minute(0))
      const { claim, remediation } = yield* take(pod("alone"))
      const settled = yield* store.retarget(claim, remediation, pod("alone"), minute(1))
      assert.isFalse(settled.provisional)
      assert.strictEqual((yield* store.append(claim, settled, [started], minute(2))).state, "Investigating")
    }).pipe(Effect.provide(layer))
  )

  it.effect("repeating a retarget whose answer got lost changes nothing", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", checkout), newAlert("2", "f2", pod("p"))], minute(0))
      const { claim, remediation } = yield* take(pod("p"))
      const once = yield* store.retarget(claim, remediation, checkout, minute(1))
      assert.deepStrictEqual(yield* store.retarget(claim, remediation, checkout, minute(2)), once)
    }).pipe(Effect.provide(layer))
  )
}

const reviewing = (layer: StorageLayer): void => {
  const waiting = Effect.gen(function* () {
    const store = yield* RemediationStore
    yield* store.accept([newAlert("1", "f", checkout)], minute(0))
    const { claim, remediation } = yield* take(checkout)
    return {
      claim,
      remediation: yield* store.append(claim, remediation, [started, decided(checkout, "review")], minute(1))
    }
  })

  it.effect(
    "a decision that waits for a person is listed until it is answered, and the answer reaches the journal",
    () =>
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
        const answered = yield* store.review(remediationId("1"), answer, minute(5))
        assert.strictEqual(answered.review?.answer, "approved")
        assert.deepStrictEqual(yield* store.reviews(10), [])
        const next = yield* store.append(claim, remediation, [intended(checkout, "e")], minute(6))
        assert.strictEqual(next.review?.by, "ann")
        yield* assertConsistent
      }).pipe(Effect.provide(layer))
  )

  it.effect("a second answer, one without a question and one about nothing are refused", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* waiting
      yield* store.accept([newAlert("2", "f2", cart)], minute(0))
      yield* store.review(remediationId("1"), answer, minute(5))
      const refusals = yield* Effect.forEach(["1", "2", "3"], (id) =>
        Effect.flip(store.review(remediationId(id), { ...answer, answer: "rejected" }, minute(6)))
      )
      assert.deepStrictEqual(
        refusals.map((error) => (error._tag === "NotAwaiting" ? [error.state, error.answered] : error._tag)),
        [
          ["Investigating", true],
          ["Received", false],
          [undefined, false]
        ]
      )
      assert.deepStrictEqual(yield* kinds("1"), ["Accepted", "Started", "Decided", "Reviewed"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a question is no open work until somebody answers it, and stays in the backlog and with its target", () =>
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
      yield* store.review(remediationId("1"), answer, minute(5))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout), targetKey(cart)])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a question whose alert is over is open work", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* waiting
      assert.deepStrictEqual(yield* store.openTargets, [])
      yield* store.resolve([{ fingerprint: "f", startsAt: minute(0), endsAt: minute(3) }], minute(3))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout)])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a question that ended by itself waits for nobody", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { claim, remediation } = yield* waiting
      yield* store.append(claim, remediation, [concluded("Cancelled")], minute(2))
      assert.deepStrictEqual(yield* store.reviews(10), [])
    }).pipe(Effect.provide(layer))
  )
}

const listing = (layer: StorageLayer): void => {
  it.effect("remediations are listed newest first, by state, page by page", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const alerts = [1, 2, 3, 4, 5].map((index) =>
        newAlert(`${index}`, `f${index}`, deployment(index === 3 ? "d2" : `d${index}`))
      )
      yield* store.accept(alerts, minute(0))
      const ids = (page: { readonly items: ReadonlyArray<{ readonly id: string }> }) =>
        page.items.map((item) => item.id)
      const first = yield* store.list({ limit: 2 })
      assert.deepStrictEqual(ids(first), ["rem-5", "rem-4"])
      const second = yield* store.list({ limit: 2, cursor: first.nextCursor ?? "" })
      assert.deepStrictEqual(ids(second), ["rem-3", "rem-2"])
      const third = yield* store.list({ limit: 2, cursor: second.nextCursor ?? "" })
      assert.deepStrictEqual(ids(third), ["rem-1"])
      assert.isUndefined(third.nextCursor)
      assert.deepStrictEqual(ids(yield* store.list({ state: "Joined", limit: 10 })), ["rem-3"])
      assert.deepStrictEqual(ids(yield* store.list({ state: "Received", limit: 1 })), ["rem-5"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("targets with open work come oldest first", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f1", deployment("z")), newAlert("2", "f2", deployment("a"))], minute(0))
      assert.deepStrictEqual(yield* store.openTargets, [targetKey(deployment("z")), targetKey(deployment("a"))])
    }).pipe(Effect.provide(layer))
  )
}

const Small = Schema.Literals([0, 1, 2])
const Step = Schema.Union([
  Schema.TaggedStruct("accept", { fingerprint: Small, start: Small, target: Small, provisional: Schema.Boolean }),
  Schema.TaggedStruct("resolve", { fingerprint: Small, start: Small }),
  Schema.TaggedStruct("claim", { target: Small }),
  Schema.TaggedStruct("append", { target: Small, event: Schema.Literals(["start", "ask", "act", "end", "none"]) }),
  Schema.TaggedStruct("retarget", { target: Small, to: Small }),
  Schema.TaggedStruct("review", { target: Small })
])

const anyOrder = (layer: StorageLayer): void => {
  const targets = [checkout, cart, pod("p")]
  const at = (list: ReadonlyArray<typeof checkout>, index: number) => list[index] ?? checkout

  it.effect.prop(
    "whatever happens in whatever order, rows, journals, history, audit and counters agree",
    [Schema.Array(Step)],
    ([steps]) =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        const held = new Map<
          number,
          { claim: { target: ReturnType<typeof targetKey>; epoch: number }; remediation: Remediation | undefined }
        >()
        for (const [index, step] of steps.entries()) {
          const now = minute(index)
          if (step._tag === "accept") {
            const next = newAlert(String(index).padStart(4, "0"), `f${step.fingerprint}`, at(targets, step.target), {
              startsAt: minute(step.start)
            })
            yield* store.accept([next], now)
          } else if (step._tag === "resolve") {
            yield* store.resolve(
              [{ fingerprint: `f${step.fingerprint}`, startsAt: minute(step.start), endsAt: now }],
              now
            )
          } else if (step._tag === "claim") {
            const { claim, open } = yield* store.claim(targetKey(at(targets, step.target)))
            held.set(step.target, { claim, remediation: Option.getOrUndefined(open) })
          } else if (step._tag === "append") {
            const mine = held.get(step.target)
            if (mine?.remediation === undefined) continue
            const target = at(targets, step.target)
            const events = {
              start: [started],
              ask: [decided(target, "review")],
              act: [intended(target, `e${index}`), executed(`e${index}`), verified("fixed")],
              end: [concluded("Remediated")],
              none: []
            }[step.event]
            const next = yield* Effect.option(store.append(mine.claim, mine.remediation, events, now))
            if (Option.isSome(next)) held.set(step.target, { ...mine, remediation: next.value })
          } else if (step._tag === "retarget") {
            const mine = held.get(step.target)
            if (mine?.remediation !== undefined) {
              yield* Effect.option(store.retarget(mine.claim, mine.remediation, at(targets, step.to), now))
            }
          } else {
            const mine = held.get(step.target)
            if (mine?.remediation !== undefined) yield* Effect.option(store.review(mine.remediation.id, answer, now))
          }
        }
        yield* assertConsistent
      }).pipe(Effect.provide(layer)),
    { arbitrary: { runs: 60 } }
  )
}

export const contract = (name: string, layer: StorageLayer): void => {
  describe(`storage on ${name}`, () => {
    accepting(layer)
    resolving(layer)
    fencing(layer)
    retargeting(layer)
    reviewing(layer)
    history(layer)
    auditing(layer)
    listing(layer)
    anyOrder(layer)
  })
}
