import { assert, describe, it } from "@effect/vitest"
import { decide, type DecisionInput, maxQuestions, type PlanFindings } from "../../src/decision/Decider.ts"
import type { Action } from "../../src/domain/Action.ts"
import { actions, approvalOf, approved, investigation, observed, past, proposing } from "./situations.ts"

const scale: Action = { ...actions.ScaleWorkload, replicas: 5 }
const at = (desiredReplicas: number) => observed({ desiredReplicas })
const planOf = (figures: PlanFindings["figures"], ...asks: PlanFindings["asks"]): PlanFindings => ({
  asks,
  writes: true,
  ...(figures === undefined ? {} : { figures })
})

/** The rules of a decision, behind its outcome. */
const told = (situation: DecisionInput): ReadonlyArray<string> => {
  const { outcome, reasons } = decide(situation)
  return [outcome, ...reasons.map(({ rule }) => rule)]
}

const later = (situation: DecisionInput, change: Partial<DecisionInput>): DecisionInput => ({
  ...approved(situation),
  ...change
})

describe("an approval covers the findings that were shown", () => {
  const raise = proposing(scale, { mode: "approve", observed: at(3), plan: planOf({ replicas: "3 -> 5" }) })

  it("scale to 5, approved at 3 replicas, runs at 3 replicas", () => {
    assert.deepStrictEqual(told(approved(raise)), ["execute", "approved"])
  })

  it("scale to 5, approved at 3 replicas, asks again at 30, and says what changed", () => {
    const situation = later(raise, { observed: at(30), plan: planOf({ replicas: "30 -> 5" }) })
    assert.deepStrictEqual(told(situation), ["review", "changed-since-approval", "approve-mode", "capacity-reduction"])
    assert.strictEqual(
      decide(situation).reasons[0]?.message,
      "alex approved the action for replicas 3 -> 5; now it means replicas 30 -> 5."
    )
    assert.strictEqual(decide(situation).question, 2)
  })

  it("scale to 5, approved at 8 replicas as a reduction, asks again at 30: the finding has other figures", () => {
    const lower = proposing(scale, { observed: at(8), plan: planOf({ replicas: "8 -> 5" }) })
    assert.deepStrictEqual(told(lower), ["review", "capacity-reduction"])
    assert.deepStrictEqual(told(approved(lower)), ["execute", "approved", "capacity-reduction"])
    assert.strictEqual(told(later(lower, { observed: at(30), plan: planOf({ replicas: "30 -> 5" }) }))[0], "review")
  })

  it("an action that was approved within a cooldown asks again once GitOps manages the object", () => {
    const cooling = proposing(actions.RollbackDeployment, { history: [past("RollbackDeployment", 1, "fixed")] })
    const managed = later(cooling, { observed: observed({ managers: ["argocd"] }) })
    assert.deepStrictEqual(told(managed), ["review", "changed-since-approval", "managed-object", "cooldown"])
  })

  it("a drain that was approved for 4 pods asks again for 12", () => {
    const drain = proposing(actions.DrainNode, { plan: planOf({ pods: 4 }) })
    assert.strictEqual(told(approved(drain))[0], "execute")
    assert.strictEqual(told(later(drain, { plan: planOf({ pods: 12 }) }))[0], "review")
  })

  it("an objection of the plan that was not shown asks again, and one that was shown does not", () => {
    const lost = { rule: "local-data", message: "A pod keeps data.", figures: { pod: "shop/db-0" } }
    const drain = proposing(actions.DrainNode, { plan: planOf({ pods: 4 }) })
    assert.deepStrictEqual(told(later(drain, { plan: planOf({ pods: 4 }, lost) })).slice(0, 2), [
      "review",
      "changed-since-approval"
    ])
    const shown = { ...drain, plan: planOf({ pods: 4 }, lost) }
    assert.strictEqual(told(approved(shown))[0], "execute")
    const other = { ...lost, figures: { pod: "shop/db-1" } }
    assert.strictEqual(told(later(shown, { plan: planOf({ pods: 4 }, other) }))[0], "review")
  })

  it("another action than the approved one asks again in mode approve", () => {
    const situation = later(raise, { investigation: investigation({ action: actions.RestartWorkload }) })
    assert.deepStrictEqual(told(situation), ["review", "changed-since-approval", "approve-mode"])
  })

  it("in mode auto, another action that needs no approval runs", () => {
    const drain = proposing(actions.DrainNode)
    const situation = { ...proposing(actions.CordonNode), approval: approvalOf(drain), questions: 1 }
    assert.deepStrictEqual(told(situation), ["execute", "clear"])
  })

  it("a message with other numbers, another level and a finding that is gone do not ask again", () => {
    const busy = proposing(actions.DrainNode, {
      outOfTurn: { rule: "blast-radius", because: "14 wait." },
      level: 1,
      plan: planOf({ pods: 4 })
    })
    assert.strictEqual(told(approved(busy))[0], "execute")
    assert.strictEqual(told(later(busy, { outOfTurn: { rule: "blast-radius", because: "3 wait." } }))[0], "execute")
    assert.strictEqual(
      told(later(proposing(actions.DrainNode, { level: 1, plan: planOf({ pods: 4 }) }), { level: 2 }))[0],
      "execute"
    )
  })

  it("an approval that was given without a plan asks again once the effect is known", () => {
    const blind = proposing(scale, { mode: "approve", observed: at(3), plan: planOf(undefined) })
    assert.strictEqual(told(later(blind, { plan: planOf({ replicas: "3 -> 5" }) }))[0], "review")
  })

  it("a plan that has nothing left to write needs no second approval", () => {
    const done = later(raise, { observed: at(5), plan: { asks: [], figures: {}, writes: false } })
    assert.strictEqual(told(done)[0], "execute")
  })

  it("a person is asked three times; after that the remediation is escalated", () => {
    const changed = { observed: at(30), plan: planOf({ replicas: "30 -> 5" }) }
    assert.strictEqual(maxQuestions, 3)
    assert.strictEqual(told(later(raise, { ...changed, questions: 2 }))[0], "review")
    assert.deepStrictEqual(told(later(raise, { ...changed, questions: 3 })).slice(0, 3), [
      "escalate",
      "asked-too-often",
      "changed-since-approval"
    ])
  })
})
