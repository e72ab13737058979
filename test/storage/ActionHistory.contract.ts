/** The contract of `ActionHistory`, part of `RemediationStore.contract`. */

import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { nameOf, targetKey } from "../../src/domain/Target.ts"
import type { Timestamp } from "../../src/domain/Timestamp.ts"
import { ActionHistory } from "../../src/storage/ActionHistory.ts"
import { RemediationStore } from "../../src/storage/RemediationStore.ts"
import { assertConsistent } from "./Consistency.ts"
import {
  concluded,
  deployment,
  executed,
  intended,
  minute,
  newAlert,
  remediate,
  remediationId,
  take,
  verified
} from "./Incident.ts"
import type { StorageLayer } from "./StorageLayer.ts"

const checkout = deployment("checkout")

export const history = (layer: StorageLayer): void => {
  it.effect("an action is recorded with its intent, and later gets its outcome and verdict", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const acting = yield* store.append(claim, remediation, [intended(checkout, "e")], minute(1))
      const row = { remediationId: remediationId("1"), action: "RestartWorkload" as const, at: minute(1) }
      assert.deepStrictEqual(yield* past.ofTarget(targetKey(checkout), 5), [{ ...row, applied: "unknown" }])
      const recordSince = (since: Timestamp, kind = "Deployment", cluster = "test") =>
        past.recordOf({ alertName: "KubeDeploymentRolloutStuck", cluster, kind, action: "RestartWorkload" }, since)
      assert.deepStrictEqual(yield* recordSince(minute(0)), { verified: 0, fixed: 0 })
      yield* store.append(claim, acting, [executed("e"), verified("fixed")], minute(2))
      assert.deepStrictEqual(yield* past.ofTarget(targetKey(checkout), 5), [
        { ...row, at: minute(2), applied: "yes", verdict: "fixed" }
      ])
      assert.deepStrictEqual(yield* recordSince(minute(1)), { verified: 1, fixed: 1 })
      assert.deepStrictEqual(yield* recordSince(minute(2)), { verified: 0, fixed: 0 })
      assert.deepStrictEqual(yield* recordSince(minute(1), "StatefulSet"), { verified: 0, fixed: 0 })
      assert.deepStrictEqual(yield* recordSince(minute(1), "Deployment", "other"), { verified: 0, fixed: 0 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("the record of an action has the last verdict on each target, so that one target is one use", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      const use = (index: number, name: string, verdict: "fixed" | "not-fixed") =>
        Effect.gen(function* () {
          const target = deployment(name)
          yield* store.accept([newAlert(`${index}`, `f${index}`, target)], minute(index))
          const { claim, remediation } = yield* take(target)
          const acting = yield* store.append(claim, remediation, [intended(target, `e${index}`)], minute(index))
          const judged = [executed(`e${index}`), verified(verdict), concluded("Escalated")]
          yield* store.append(claim, acting, judged, minute(index))
        })
      for (const index of [1, 2, 3, 4]) yield* use(index, "broken", "not-fixed")
      yield* use(5, "other", "not-fixed")
      yield* use(6, "other", "fixed")
      const asked = { alertName: "KubeDeploymentRolloutStuck", cluster: "test", kind: "Deployment" }
      assert.deepStrictEqual(yield* past.recordOf({ ...asked, action: "RestartWorkload" }, minute(0)), {
        verified: 2,
        fixed: 1
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("an action about another object than its target is found by both, and by no other", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      const shared = deployment("shared")
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* store.append(claim, remediation, [intended(shared, "e")], minute(1))
      const ids = (rows: ReadonlyArray<{ readonly remediationId: string }>) => rows.map((row) => row.remediationId)
      assert.deepStrictEqual(ids(yield* past.ofObject(targetKey(shared), 5)), [remediationId("1")])
      assert.deepStrictEqual(ids(yield* past.ofTarget(targetKey(checkout), 5)), [remediationId("1")])
      assert.deepStrictEqual(yield* past.ofTarget(targetKey(shared), 5), [])
      assert.deepStrictEqual(yield* past.ofObject(targetKey(deployment("third")), 5), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an action counts from the record of its execution, also where it was intended ten minutes earlier", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      const at = (index: number) => deployment(`d${index}`)
      for (const [index, intendedAt, executedAt] of [
        [0, 0, 9],
        [1, 5, undefined],
        // The clock was set back between the two.
        [2, 7, 1]
      ] as const) {
        yield* store.accept([newAlert(`${index}`, `f${index}`, at(index))], minute(0))
        const { claim, remediation } = yield* take(at(index))
        const acting = yield* store.append(claim, remediation, [intended(at(index), `e${index}`)], minute(intendedAt))
        if (executedAt !== undefined) yield* store.append(claim, acting, [executed(`e${index}`)], minute(executedAt))
      }
      const of = (index: number) => Effect.map(past.ofTarget(targetKey(at(index)), 1), (rows) => rows[0]?.at)
      assert.strictEqual(yield* of(0), minute(9))
      assert.strictEqual(yield* of(1), minute(5))
      assert.strictEqual(yield* of(2), minute(7))
      const spent = yield* past.spentSince("test", minute(6), 10)
      assert.deepStrictEqual(
        spent.map((each) => [nameOf(each.target), each.at, each.unfinished]),
        [
          ["Deployment shop/d0", minute(9), undefined],
          ["Deployment shop/d2", minute(7), undefined]
        ]
      )
      const all = yield* past.spentSince("test", minute(0), 10)
      assert.deepStrictEqual(
        all.map(({ unfinished }) => unfinished),
        [undefined, undefined, true]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("the actions that a budget counts are those of the cluster since a time, newest first", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      for (const index of [0, 1, 2]) {
        const target = deployment(`d${index}`)
        yield* store.accept([newAlert(`${index}`, `f${index}`, target)], minute(0))
        const { claim, remediation } = yield* take(target)
        yield* store.append(claim, remediation, [intended(target, `e${index}`)], minute(index))
      }
      const spent = (cluster: string, since: number, limit: number) =>
        Effect.map(past.spentSince(cluster, minute(since), limit), (rows) => rows.map(({ target }) => nameOf(target)))
      assert.deepStrictEqual(yield* spent("test", 1, 10), ["Deployment shop/d2", "Deployment shop/d1"])
      assert.deepStrictEqual(yield* spent("test", 0, 1), ["Deployment shop/d2"])
      assert.deepStrictEqual(yield* spent("other", 0, 10), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("what was read before is read with everything that was written since", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      const read = Effect.gen(function* () {
        const spent = yield* past.spentSince("test", minute(0), 10)
        const ended = yield* past.endedSince("test", minute(0), 10)
        return [
          spent.map(({ at, unfinished = false }) => ({ at, unfinished })),
          ended.map(({ symptoms, verdict }) => verdict ?? symptoms.join())
        ]
      })
      const begun = Effect.fnUntraced(function* (index: number) {
        const target = deployment(`d${index}`)
        yield* store.accept([newAlert(`${index}`, `f${index}`, target)], minute(0))
        const { claim, remediation } = yield* take(target)
        const acting = yield* store.append(claim, remediation, [intended(target, `e${index}`)], minute(index))
        return { claim, acting }
      })
      assert.deepStrictEqual(yield* read, [[], []])
      const first = yield* begun(1)
      assert.deepStrictEqual(yield* read, [[{ at: minute(1), unfinished: true }], []])
      const done = yield* store.append(first.claim, first.acting, [executed("e1")], minute(2))
      assert.deepStrictEqual(yield* read, [[{ at: minute(2), unfinished: false }], []])
      yield* store.append(first.claim, done, [verified("fixed"), concluded("Remediated")], minute(3))
      assert.deepStrictEqual(yield* read, [[{ at: minute(2), unfinished: false }], ["fixed"]])
      // The rule fires for another pod of the target, so the fix was none.
      yield* store.accept([newAlert("again", "g1", deployment("d1"), { startsAt: minute(4) })], minute(4))
      assert.deepStrictEqual(yield* read, [[{ at: minute(2), unfinished: false }], ["not-fixed"]])
      const second = yield* begun(5)
      yield* read
      const outcome = { executionId: "e5", applied: "no", failure: "forbidden", finishedAt: minute(6) } as const
      yield* store.append(second.claim, second.acting, [{ _tag: "Executed", outcome }], minute(6))
      assert.deepStrictEqual(yield* read, [[{ at: minute(2), unfinished: false }], ["refused:forbidden", "not-fixed"]])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an end by a limit of our own says nothing of the cluster, and a refusal does", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      const ends = ["approval-expired", "mode", "fenced", "stale", "own-limit", "forbidden"]
      for (const [index, failure] of ends.entries()) {
        const target = deployment(`d${index}`)
        yield* store.accept([newAlert(`${index}`, `f${index}`, target)], minute(0))
        const { claim, remediation } = yield* take(target)
        const acting = yield* store.append(claim, remediation, [intended(target, `e${index}`)], minute(1))
        const outcome = { executionId: `e${index}`, applied: "no", failure, finishedAt: minute(2) } as const
        yield* store.append(claim, acting, [{ _tag: "Executed", outcome }], minute(2))
      }
      const ended = yield* past.endedSince("test", minute(0), 10)
      assert.deepStrictEqual(
        ended.map(({ symptoms }) => symptoms),
        [["refused:forbidden"]]
      )
    }).pipe(Effect.provide(layer))
  )

  const verdictAfter = (next: { fingerprint: string; startsAt: number; at: number; name?: string }) =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const past = yield* ActionHistory
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      yield* remediate(claim, remediation, minute(5))
      const overrides = { startsAt: minute(next.startsAt), ...(next.name === undefined ? {} : { name: next.name }) }
      yield* store.accept([newAlert("2", next.fingerprint, checkout, overrides)], minute(next.at))
      yield* assertConsistent
      return (yield* past.ofTarget(targetKey(checkout), 1))[0]?.verdict
    })

  it.effect.each([
    {
      claim: "the same alert within ten minutes after the fix",
      fingerprint: "f",
      startsAt: 14,
      at: 15,
      verdict: "not-fixed"
    },
    {
      claim: "the same alert more than ten minutes after the fix",
      fingerprint: "f",
      startsAt: 16,
      at: 16,
      verdict: "fixed"
    },
    {
      claim: "an alert of the same rule about another pod of the target",
      fingerprint: "g",
      startsAt: 6,
      at: 7,
      verdict: "not-fixed"
    },
    {
      claim: "an alert about another pod that began before the fix",
      fingerprint: "g",
      startsAt: 4,
      at: 7,
      verdict: "fixed"
    },
    {
      claim: "an alert of another rule about the same target",
      fingerprint: "g",
      startsAt: 6,
      at: 7,
      name: "KubePodNotReady",
      verdict: "fixed"
    }
  ])("after $claim, the verdict of the action is $verdict", ({ verdict, ...next }) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* verdictAfter(next), verdict)
    }).pipe(Effect.provide(layer))
  )
}
