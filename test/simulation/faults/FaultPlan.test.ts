import { assert, describe, it } from "@effect/vitest"
import * as World from "../../../src/simulation/engine/World.ts"
import * as FaultPlan from "../../../src/simulation/faults/FaultPlan.ts"
import * as Faults from "../../../src/simulation/faults/Faults.ts"
import { Observations } from "../../../src/simulation/observation/Observation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { telemetry } from "../../../src/simulation/scenarios/TelemetryDown.ts"

const draw = (scenario: Scenario.Scenario, seed: number) => {
  const world = World.make(seed)
  return FaultPlan.draw({ world, scenario, observations: new Observations(() => world.nowMs) }, Faults.all)
}

const seeds = Array.from({ length: 40 }, (_, index) => index + 1)
const hours = (scenario: Scenario.Scenario) => seeds.flatMap((seed) => draw(scenario, seed))

describe("FaultPlan", () => {
  it("draws expensive faults as rarely as their kind requires, however often the scenario has others", () => {
    const often = hours({ ...Scenario.steady, faultShare: [1, 1], faultGapMs: [60_000, 120_000] })
    assert.isAbove(often.filter(({ kind }) => kind === "kubernetes-unavailable").length, 40 * 30)
    // At the mean of once in five and a half to fifty-five hours.
    assert.isBelow(often.filter(({ kind }) => kind === "intake-storm-1000").length, 20)
  })

  it("draws expensive faults more rarely in a scenario whose faults are rare", () => {
    const hourMs = 3_600_000
    const seldom = { ...Scenario.month, faultShare: [1, 1], faultGapMs: [300 * hourMs, 600 * hourMs] } as const
    const month = draw(seldom, 1).filter(({ kind }) => kind === "intake-odd")
    assert.isBelow(month.length, 10)
  })

  it("draws telemetry faults only for the scenario of telemetry, and no others for it", () => {
    assert.isFalse(hours(Scenario.models).some(({ kind }) => kind.startsWith("telemetry-")))
    const drawn = hours(telemetry)
    assert.isTrue(drawn.length > 0 && drawn.every(({ kind }) => kind.startsWith("telemetry-")))
  })
})
