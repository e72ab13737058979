import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const quarter: Scenario.Scenario = { ...Scenario.steady, durationMs: 15 * 60_000 }

describe("Simulation", () => {
  it("gives the same result for the same seed, down to the hash of the journal", () => {
    for (const seed of [1, 2, 3])
      assert.deepStrictEqual(run({ seed, scenario: quarter }), run({ seed, scenario: quarter }))
  })

  it("gives different journals for different seeds", () => {
    assert.strictEqual(new Set([1, 2, 3, 4].map((seed) => run({ seed, scenario: quarter }).journalHash)).size, 4)
  })

  it("holds all invariants over ten seeds with their faults, and leaves nothing pending", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { pending, violations } = run({ seed, scenario: quarter })
      assert.deepStrictEqual({ seed, violations, pending }, { seed, violations: [], pending: [] })
    }
  })
})
