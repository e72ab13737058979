/** The rollback of two written actions, by a process that is killed after each of its durable steps. */

import { assert, describe, it } from "@effect/vitest"
import type { Change } from "../../src/domain/Change.ts"
import type { Intent } from "../../src/domain/Execution.ts"
import type { RemediationEvent } from "../../src/domain/Remediation.ts"
import { attemptId } from "../../src/domain/Rollback.ts"
import { nextStep } from "../../src/remediation/NextStep.ts"
import { accepted, decided, executed, intent, investigated, observed, remediationOf } from "./journals.ts"

const at = "1970-01-01T00:00:00.000Z"
const change: Change = {
  _tag: "Patch",
  ref: intent.action.target,
  patch: [{ op: "replace", path: "/spec/replicas", value: 3 }]
}
const written = (executionId: string): RemediationEvent => {
  const reversible: Intent = {
    ...intent,
    executionId,
    changes: [change],
    inverse: { _tag: "Exact", changes: [change] }
  }
  return { _tag: "Intended", intent: reversible }
}

/** Two actions that were written, and the request of a person to undo them. */
const begun: ReadonlyArray<RemediationEvent> = [
  accepted(),
  investigated,
  decided("execute"),
  written("rem-1-1"),
  executed({}),
  written("rem-1-2"),
  executed({ executionId: "rem-1-2" }),
  { _tag: "RollbackRequested", request: { trigger: "operator", undoes: "rem-1-2", by: "ann", at } }
]

/** What a process journals for its next step; `undefined` at the end. */
const journaled = (events: ReadonlyArray<RemediationEvent>): RemediationEvent | undefined => {
  const step = nextStep(remediationOf(...events))
  switch (step._tag) {
    case "RequestRollback":
      return { _tag: "RollbackRequested", request: { trigger: step.trigger, undoes: step.undoes, by: "ann", at } }
    case "PlanRollback": {
      const { executionId: undoes } = step.intent
      const executionId = attemptId(undoes, step.attempt)
      const { attempt } = step
      return {
        _tag: "RollbackIntended",
        intent: {
          undoes,
          executionId,
          attempt,
          trigger: "operator",
          changes: [change],
          before: observed,
          restores: [],
          plannedAt: at
        }
      }
    }
    case "ExecuteRollback": {
      const { executionId } = step.intent
      return { _tag: "RollbackExecuted", outcome: { executionId, applied: "yes", finishedAt: at } }
    }
    case "VerifyRollback":
      return {
        _tag: "RollbackVerified",
        verification: { restored: "yes", reasons: ["restored"], observed, verifiedAt: at }
      }
    default:
      return step._tag === "Conclude" ? { _tag: "Concluded", state: step.state, reason: step.reason } : undefined
  }
}

/** The journal at the end, by a process that begins with these events. */
const finished = (events: ReadonlyArray<RemediationEvent>): ReadonlyArray<RemediationEvent> => {
  const all = [...events]
  while (all.at(-1)?._tag !== "Concluded" && all.length < 50) {
    const next = journaled(all)
    if (next === undefined) return all
    all.push(next)
  }
  return all
}

const whole = finished(begun)

describe("the rollback of two written actions", () => {
  it("undoes the later one and then the earlier one, each once", () => {
    const undone = whole.flatMap((event) => (event._tag === "RollbackExecuted" ? [event.outcome.executionId] : []))
    assert.deepStrictEqual(undone, ["rem-1-2-rollback-1", "rem-1-1-rollback-2"])
    const last = whole.at(-1)
    assert.strictEqual(last?._tag === "Concluded" && last.state, "RolledBack")
  })

  it.each(
    Array.from({ length: whole.length - begun.length }, (_, index): [string, number] => [
      whole[begun.length + index - 1]!._tag,
      begun.length + index
    ])
  )("is finished by the next process after a kill behind %s (%i events), and no undo is written twice", (_, events) => {
    assert.deepStrictEqual(finished(whole.slice(0, events)), whole)
  })

  it("repeats a write that was cut short under the same id, by which it is found in the cluster", () => {
    for (const [index, event] of whole.entries()) {
      if (event._tag !== "RollbackIntended") continue
      const step = nextStep(remediationOf(...whole.slice(0, index + 1)))
      assert.strictEqual(step._tag === "ExecuteRollback" && step.intent.executionId, event.intent.executionId)
    }
  })
})
