/** Every sweep activated a remediation that waited for a person, and journaled it as started. */

import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

/** The number of events of each kind in a run without faults, until the drill sends its own alerts. */
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

describe("a remediation that awaits review", () => {
  it("is started and decided once, whatever the number of sweeps, and started again when its alert is resolved", () => {
    const counts = journaled({ ...Scenario.single, durationMs: 8 * 60_000, service: { mode: "approve" } })
    // Started when the alert arrived, and again when it was resolved.
    assert.isAtMost(counts.get("Started") ?? 0, 2)
    assert.strictEqual(counts.get("Decided"), 1)
  })
})
