/**
 * A wall clock that was set forward while a circuit was open admitted calls at once; one that was set back restarted
 * the 30 s.
 */

import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import { scenario } from "../fixtures/Outages.ts"

const hourMs = 3_600_000

/**
 * How long each circuit was open in an outage of HolmesGPT, when the wall clock is set ten seconds after each opening.
 */
const openMs = (setByMs: number) => {
  const lasted: Array<number> = []
  let openedMs = 0
  const result = run({
    seed: 1,
    scenario,
    plan: [{ kind: "service-down", atMs: 60_000, forMs: 240_000, parameters: { peers: ["holmesgpt"] } }],
    onMade: ({ observations, world }) =>
      observations.subscribe({
        BreakerMoved: ({ from, to }, atMs) => {
          if (to === "Open") {
            openedMs = atMs
            world.at(atMs + 10_000, () => world.jumpWallClock(setByMs))
          }
          if (from === "Open") lasted.push(atMs - openedMs)
        }
      })
  })
  return { lasted, violations: result.violations }
}

describe("a wall clock that is set while a circuit is open", () => {
  it.each([0, hourMs, -hourMs])("by %i ms leaves it open for 30 s", (setByMs) => {
    const { lasted, violations } = openMs(setByMs)
    assert.deepStrictEqual(violations, [])
    assert.isAtLeast(lasted.length, 3)
    // The prober checks once a second.
    for (const ms of lasted) {
      assert.isAtLeast(ms, 30_000)
      assert.isAtMost(ms, 31_000)
    }
  })
})
