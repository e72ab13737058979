/**
 * A wall clock that was set back by an hour during a verification kept the verification, and so the incident, open for
 * that hour.
 */

import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const hourMs = 3_600_000

describe("a wall clock that is set back while an action is verified", () => {
  it("does not delay the verdict", () => {
    const verifiedAfterMs: Array<number> = []
    let executedMs: number | undefined
    run({
      seed: 1,
      scenario: { ...Scenario.single, incidentEveryMs: 3 * hourMs, durationMs: 3 * 60_000, livenessMs: 2 * hourMs },
      plan: [],
      onMade: ({ observations, world }) =>
        observations.subscribe({
          Committed: ({ events }, atMs) => {
            for (const { kind } of events) {
              if (kind === "Executed") {
                executedMs ??= atMs
                // It has been healthy by then, but not for long enough.
                world.at(atMs + 10_000, () => world.jumpWallClock(-hourMs))
              }
              if (kind === "Verified") verifiedAfterMs.push(atMs - executedMs!)
            }
          }
        })
    })
    assert.strictEqual(verifiedAfterMs.length, 1)
    // As without the jump: two pods become ready and must stay so for some time, and the next look is 10 s later.
    assert.isBelow(verifiedAfterMs[0]!, 60_000)
  })
})
