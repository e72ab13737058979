/** The promises of `requestRollback`, and of what follows it. */

import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Change } from "../../../src/domain/Change.ts"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import { attemptId } from "../../../src/domain/Rollback.ts"
import { targetKey } from "../../../src/domain/Target.ts"
import { ActionHistory } from "../../../src/storage/ActionHistory.ts"
import { RemediationStore } from "../../../src/storage/RemediationStore.ts"
import { assertConsistent } from "../Consistency.ts"
import {
  concluded,
  decided,
  deployment,
  executed,
  intended,
  kindsOf,
  minute,
  newAlert,
  remediationId,
  remediationNamed,
  started,
  stateOf,
  take,
  verified
} from "../Incident.ts"
import type { StorageLayer } from "../StorageLayer.ts"

const checkout = deployment("checkout")
const change: Change = {
  _tag: "Patch",
  ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
  patch: [{ op: "replace", path: "/spec/replicas", value: 3 }]
}

const scaled: RemediationEvent = {
  _tag: "Intended",
  intent: {
    executionId: "exec",
    action: { type: "ScaleWorkload", target: change.ref, replicas: 3 },
    changes: [change],
    inverse: { _tag: "Exact", changes: [change] },
    baseline: stateOf(checkout),
    plannedAt: minute(1)
  }
}

const undoing: RemediationEvent = {
  _tag: "RollbackIntended",
  intent: {
    undoes: "exec",
    executionId: attemptId("exec", 1),
    attempt: 1,
    trigger: "operator",
    changes: [change],
    before: stateOf(checkout),
    restores: [],
    plannedAt: minute(4)
  }
}
const restored: ReadonlyArray<RemediationEvent> = [
  undoing,
  { _tag: "RollbackExecuted", outcome: { executionId: attemptId("exec", 1), applied: "yes", finishedAt: minute(5) } },
  { _tag: "RollbackVerified", verification: { restored: "yes", reasons: [], observed: null, verifiedAt: minute(5) } },
  { _tag: "Concluded", state: "RolledBack", reason: "test" }
]

/** A remediation that has acted, and what its owner knows of it. */
const acted = Effect.gen(function* () {
  const store = yield* RemediationStore
  yield* store.accept([newAlert("1", "f", checkout)], minute(0))
  const { claim, remediation } = yield* take(checkout)
  const acting = yield* store.append(claim, remediation, [started, decided(checkout), scaled], minute(1))
  return { claim, acting: yield* store.append(claim, acting, [executed("exec")], minute(2)) }
})

const fixed = [verified("fixed"), concluded("Remediated")] as const

const request = (by = "ada") =>
  Effect.flatMap(RemediationStore, (store) => store.requestRollback(remediationId("1"), { by }, minute(4)))

export const rollingBack = (layer: StorageLayer): void => {
  it.effect(
    "a person's request opens a remediation that has ended, and its end makes room for the alert that joined",
    () =>
      Effect.gen(function* () {
        const store = yield* RemediationStore
        const { acting, claim } = yield* acted
        yield* store.append(claim, acting, fixed, minute(3))
        assert.strictEqual(yield* store.backlog, 0)
        assert.strictEqual((yield* request()).state, "RollingBack")
        assert.strictEqual(yield* store.backlog, 1)
        assert.deepStrictEqual(yield* store.openTargets, [targetKey(checkout)])
        const [joined] = yield* store.accept([newAlert("2", "g", checkout)], minute(4))
        assert.strictEqual(joined?.status, "joined")
        const again = yield* take(checkout)
        const ended = yield* store.append(again.claim, again.remediation, restored, minute(5))
        assert.deepStrictEqual([ended.state, ended.rollback?.outcome], ["RolledBack", "restored"])
        // The alert that joined during the rollback takes over.
        assert.isDefined(ended.handedOverTo)
        assert.strictEqual(yield* store.backlog, 1)
        yield* assertConsistent
      }).pipe(Effect.provide(layer))
  )

  it.effect("an action that was undone counts as one that did not help, and the history says when", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const history = yield* ActionHistory
      const { acting, claim } = yield* acted
      yield* store.append(claim, acting, fixed, minute(3))
      yield* request()
      const again = yield* take(checkout)
      yield* store.append(again.claim, again.remediation, restored, minute(5))
      const [action] = yield* history.ofTarget(targetKey(checkout), 1)
      assert.deepInclude(action, { verdict: "not-fixed", rolledBackAt: minute(5) })
    }).pipe(Effect.provide(layer))
  )

  it.effect("an end that the owner concluded without knowing of the request is left out, and the rest is kept", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { acting, claim } = yield* acted
      yield* request()
      const after = yield* store.append(claim, acting, fixed, minute(5))
      assert.deepStrictEqual([after.state, after.verification?.verdict], ["RollingBack", "fixed"])
      assert.deepStrictEqual((yield* kindsOf("1")).slice(-2), ["RollbackRequested", "Verified"])
      yield* assertConsistent
    }).pipe(Effect.provide(layer))
  )

  it.effect("the owner's own request is part of an append that is repeated", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { acting, claim } = yield* acted
      const failed: ReadonlyArray<RemediationEvent> = [
        verified("not-fixed"),
        {
          _tag: "RollbackRequested",
          request: { trigger: "failed-health-check", undoes: "exec", reason: "It did not help.", at: minute(3) }
        }
      ]
      const first = yield* store.append(claim, acting, failed, minute(3))
      const again = yield* store.append(claim, acting, failed, minute(3))
      assert.deepStrictEqual(again, first)
      assert.strictEqual((yield* kindsOf("1")).filter((kind) => kind === "RollbackRequested").length, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("an alert that was resolved after the end stays resolved, so its next post is new work", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const { acting, claim } = yield* acted
      yield* store.append(claim, acting, fixed, minute(3))
      const { fingerprint, startsAt } = newAlert("1", "f", checkout).alert
      yield* store.resolve([{ cluster: "test", fingerprint, startsAt, endsAt: minute(3) }], minute(3))
      yield* request()
      const again = yield* take(checkout)
      yield* store.append(again.claim, again.remediation, restored, minute(5))
      const [next] = yield* store.accept([newAlert("3", "f", checkout, { startsAt: minute(60) })], minute(60))
      assert.strictEqual(next?.status, "accepted")
    }).pipe(Effect.provide(layer))
  )

  it.effect("a request is refused twice, without a write, for a joined alert, and while the target is worked on", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      const codeOf = (id: string) =>
        Effect.map(Effect.flip(store.requestRollback(remediationId(id), { by: "ada" }, minute(4))), (error) =>
          error._tag === "NotRollbackable" ? error.code : error._tag
        )
      assert.strictEqual(yield* codeOf("0"), "not-found")
      const { acting, claim } = yield* acted
      yield* store.accept([newAlert("2", "g", checkout)], minute(2))
      assert.strictEqual(yield* codeOf("2"), "joined")
      yield* store.append(claim, acting, fixed, minute(3))
      yield* store.accept([newAlert("3", "h", checkout)], minute(3))
      assert.strictEqual(yield* codeOf("3"), "nothing-written")
      assert.strictEqual(yield* codeOf("1"), "target-busy")
      const other = yield* take(checkout)
      yield* store.append(other.claim, other.remediation, [concluded("Escalated")], minute(3))
      yield* request()
      assert.strictEqual(yield* codeOf("1"), "rolling-back")
      const again = yield* take(checkout)
      yield* store.append(again.claim, again.remediation, restored, minute(5))
      assert.strictEqual(yield* codeOf("1"), "already-rolled-back")
      assert.isTrue(Option.isSome(yield* store.get((yield* remediationNamed("1")).id)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("an action that cannot be undone, or leaves nothing to undo, is refused", () =>
    Effect.gen(function* () {
      const store = yield* RemediationStore
      yield* store.accept([newAlert("1", "f", checkout)], minute(0))
      const { claim, remediation } = yield* take(checkout)
      const { intent } = intended(checkout, "exec") as Extract<RemediationEvent, { _tag: "Intended" }>
      const restarted: RemediationEvent = { _tag: "Intended", intent: { ...intent, changes: [change] } }
      const acting = yield* store.append(claim, remediation, [started, decided(checkout), restarted], minute(1))
      yield* store.append(claim, acting, [executed("exec"), ...fixed], minute(3))
      const refused = yield* Effect.flip(request())
      assert.strictEqual(refused._tag === "NotRollbackable" && refused.code, "nothing-to-undo")
    }).pipe(Effect.provide(layer))
  )
}
