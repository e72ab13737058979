import { assert, describe, it } from "@effect/vitest"
import type { ModelCall } from "../../../../src/domain/ModelCall.ts"
import { holmesGptEstimate } from "../../../../src/simulation/farEnds/ModelSpend.ts"
import { run } from "../../../../src/simulation/run/Simulation.ts"
import { scenario } from "../../fixtures/Outages.ts"

/** The lines of the ledger at the end of ten minutes. */
const linesOf = (share: number): ReadonlyArray<ModelCall> => {
  let lines: ReadonlyArray<ModelCall> = []
  const { violations } = run({
    seed: 1,
    scenario,
    plan: [{ kind: "hidden-cost", atMs: 0, forMs: scenario.durationMs, parameters: { peers: ["holmesgpt"], share } }],
    onMade: ({ farEnds: { database }, observations }) =>
      observations.subscribe({
        HealingBegan: () => {
          lines = database.ledgerRows(1000).map(({ call }) => call)
        }
      })
  })
  assert.deepStrictEqual(violations, [])
  return lines.filter(({ outcome }) => outcome === "answered")
}

describe("hidden-cost", () => {
  it("leaves the estimate in the ledger, where an answer otherwise has what was counted", () => {
    const [hidden, told] = [linesOf(1), linesOf(0)]
    assert.isNotEmpty(hidden)
    for (const { basis, inputTokens, outputTokens } of hidden) {
      assert.strictEqual(basis, "estimated")
      assert.isAtLeast(inputTokens ?? 0, holmesGptEstimate.inputTokens)
      assert.isAtLeast(outputTokens ?? 0, holmesGptEstimate.outputTokens)
    }
    assert.isNotEmpty(told)
    for (const { basis } of told) assert.strictEqual(basis, "measured")
  })
})
