import { assert, describe, it } from "@effect/vitest"
import type { Decision } from "../../src/domain/Decision.ts"
import { differenceLines, differenceOf } from "../../src/domain/Review.ts"

const target = { namespace: "shop", kind: "Deployment", name: "checkout" }
const decision = (over: Partial<Decision> = {}): Decision => ({
  outcome: "review",
  action: { type: "ScaleWorkload", target, replicas: 5 },
  risk: "low",
  confidence: 1,
  reasons: [{ rule: "approve-mode", message: "Every action needs an approval." }],
  figures: { replicas: "3 -> 5" },
  ...over
})

describe("what differs from what a person was shown", () => {
  it("nothing, where only the remarks about the review differ", () => {
    const now = decision({
      reasons: [
        { rule: "approval-expired", message: "Too late." },
        { rule: "changed-since-approval", message: "Other." }
      ]
    })
    assert.deepStrictEqual(differenceOf(decision(), now), { figures: [], added: [], gone: [] })
  })

  it("each figure with both values, also one that is new or gone", () => {
    const now = decision({ figures: { replicas: "30 -> 50", memory: "1Gi" } })
    assert.deepStrictEqual(differenceOf(decision({ figures: { replicas: "3 -> 5", cpu: 1 } }), now).figures, [
      { name: "replicas", shown: "3 -> 5", now: "30 -> 50" },
      { name: "cpu", shown: 1, now: null },
      { name: "memory", shown: null, now: "1Gi" }
    ])
  })

  it("no figures, where the new decision made no plan", () => {
    const { figures: _none, ...planless } = decision({ outcome: "investigate" })
    assert.deepStrictEqual(differenceOf(decision(), planless).figures, [])
  })

  it("a finding that is new, one that is gone, and one with other figures", () => {
    const budget = { rule: "disruption-budget", message: "None allowed.", figures: { allowed: 0 } }
    const shown = decision({ reasons: [budget, { rule: "cooldown", message: "Acted before." }] })
    const now = decision({ reasons: [{ ...budget, figures: { allowed: 1 } }] })
    const { added, gone } = differenceOf(shown, now)
    assert.deepStrictEqual(added, now.reasons)
    assert.deepStrictEqual(
      gone.map(({ rule }) => rule),
      ["disruption-budget", "cooldown"]
    )
  })

  it("another action, and says so in words", () => {
    const now = decision({ action: { type: "RestartWorkload", target }, figures: {} })
    assert.deepStrictEqual(differenceLines(differenceOf(decision(), now)), [
      "the action was ScaleWorkload and is RestartWorkload now, or has other values",
      "replicas was 3 -> 5 and is not known now"
    ])
  })
})
