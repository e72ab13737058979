/** A remediation that waited for a person was activated, and journaled as begun, by every sweep. */

import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

/** How many events of each kind an undisturbed run journals, until the drill at its end sends alerts of its own. */
const journaled = (scenario: Scenario.Scenario, seed = 1): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  let drills = false
  run({
    seed,
    scenario,
    plan: [],
    onMade: ({ observations }) =>
      observations.subscribe({
        HealingBegan: () => {
          drills = true
        },
        Committed: ({ events }) => {
          if (drills) return
          for (const { kind } of events) counts.set(kind, (counts.get(kind) ?? 0) + 1)
        }
      })
  })
  return counts
}

describe("a review", () => {
  it("is not started again by every sweep", () => {
    const counts = journaled({ ...Scenario.single, durationMs: 8 * 60_000, service: { mode: "approve" } })
    // Begun when it came in, and again when its alert had resolved.
    assert.isAtMost(counts.get("Started") ?? 0, 2)
    assert.strictEqual(counts.get("Decided"), 1)
  })
})
