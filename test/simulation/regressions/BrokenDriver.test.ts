/**
 * A driver that was broken for longer than the sweep's supervisor restarts it left open work undone until the process
 * ended: the supervisor never started the sweep again.
 */

import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

describe("a database whose driver is broken for two minutes", () => {
  it("is queried six times in a row and then left alone for half a minute, and no work is left pending", () => {
    const brokeMs: Array<number> = []
    const result = run({
      seed: 1,
      scenario: { ...Scenario.steady, durationMs: 5 * minuteMs, livenessMs: 10 * minuteMs },
      plan: [{ kind: "storage-broken", atMs: minuteMs, forMs: 2 * minuteMs, parameters: { share: 1 } }],
      onMade: ({ observations }) => observations.subscribe({ SweepBroke: (_, atMs) => brokeMs.push(atMs) })
    })
    assert.deepStrictEqual([result.violations, result.pending, result.boots], [[], [], 1])
    const rests = brokeMs.flatMap((atMs, index) => (index > 0 && atMs - brokeMs[index - 1]! >= 30_000 ? [index] : []))
    assert.isAtLeast(rests.length, 2)
    for (const [index, first] of [0, ...rests.slice(0, -1)].entries()) assert.strictEqual(rests[index]! - first, 6)
  })
})
