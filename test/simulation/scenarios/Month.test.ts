/** Some hours of the month, in which every fault comes as often as in many days. */

import { assert, describe, it } from "@effect/vitest"
import * as Availability from "../../../src/simulation/report/Availability.ts"
import * as Runner from "../../../src/simulation/run/Runner.ts"
import { month } from "../../../src/simulation/scenarios/Scenario.ts"

const hourMs = 3_600_000

describe("hours of bad weather", () => {
  it("break no invariant, among them that the level rises at most once in five minutes, and are available for 99 %", () => {
    const { availability, boots, coverage, failure } = Runner.runSeed({
      seed: 1,
      scenario: { ...month, durationMs: 6 * hourMs, faultGapMs: [hourMs, 24 * hourMs] }
    })
    assert.isUndefined(failure)
    assert.isAtLeast(Availability.ratio(availability), Availability.goal)
    // It was bad weather.
    assert.isAbove(
      Object.values(coverage.faults).reduce((sum, count) => sum + count, 0),
      20
    )
    assert.isAbove(boots, 1)
  }, 120_000)
})
