import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import { isFinal, replay } from "../../src/domain/Remediation.ts"
import { targetKey } from "../../src/domain/Target.ts"
import { AuditLog } from "../../src/storage/AuditLog.ts"
import { Figures } from "../../src/storage/Figures.ts"
import { RemediationStore, type RemediationSummary } from "../../src/storage/RemediationStore.ts"

/** Asserts the invariants of a store through its public API: rows, journals, audit lines and counters agree. */
export const assertConsistent = Effect.gen(function* () {
  const store = yield* RemediationStore
  const auditLog = yield* AuditLog
  const { items } = yield* store.list({ limit: 10_000 })
  const open: Array<string> = []
  const states: Record<string, number> = {}
  const actions: Record<string, number> = {}
  const withWork: Array<string> = []
  let journaled = 0
  for (const item of items) {
    const journal = yield* store.journal(item.id)
    const remediation = Option.getOrThrow(yield* store.get(item.id))
    assert.deepStrictEqual(replay(item.id, journal), remediation, "a remediation equals the replay of its journal")
    const { alert, joinedTo, receivedAt, state, target, updatedAt } = remediation
    const summary: RemediationSummary = {
      id: item.id,
      state,
      alertName: alert.name,
      severity: alert.severity,
      target,
      receivedAt,
      updatedAt
    }
    assert.deepStrictEqual(item, joinedTo === undefined ? summary : { ...summary, joinedTo })
    states[state] = (states[state] ?? 0) + 1
    for (const { intent, outcome } of remediation.executions) {
      const key = `${intent.action.type} ${outcome?.applied ?? "pending"}`
      actions[key] = (actions[key] ?? 0) + 1
    }
    if (!isFinal(state)) {
      open.push(targetKey(target))
      if (state !== "AwaitingReview" || remediation.alertResolvedAt !== undefined) withWork.push(targetKey(target))
    }
    journaled += journal.length
  }
  assert.strictEqual(new Set(open).size, open.length, "no target has two open remediations")
  assert.deepStrictEqual([...(yield* store.openTargets)].sort(), withWork.sort())
  assert.strictEqual(yield* store.backlog, open.length)
  const figures = yield* Effect.flatMap(Figures, ({ current }) => current)
  assert.deepStrictEqual(figures.alerts, states, "the figures count every remediation by its state")
  assert.deepStrictEqual(
    Object.fromEntries(figures.actions.map(({ action, count, outcome }) => [`${action} ${outcome}`, count])),
    actions,
    "the figures count every action by its outcome"
  )
  const lines = yield* auditLog.read(0, 100_000)
  assert.strictEqual(
    lines.filter((line) => line.kind.startsWith("remediation.")).length,
    journaled,
    "one audit line per event"
  )
  assert.isUndefined(yield* auditLog.verify)
})
