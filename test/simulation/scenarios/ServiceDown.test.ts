import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import type { Scenario } from "../../../src/simulation/scenarios/Scenario.ts"
import * as Scenarios from "../../../src/simulation/scenarios/Scenarios.ts"

const scenario = (name: string): Scenario => Scenarios.byName.get(name)!

const outcome = (of: Scenario, seed: number) => {
  const { pending, violations } = run({ seed, scenario: of })
  return { pending, violations }
}

const holds = (name: string) => {
  assert.deepStrictEqual(outcome(scenario(name), 1), { pending: [], violations: [] })
}

/** The invariants that are broken when another service is away than the scenario expects. */
const brokenBy = (name: string, peers: ReadonlyArray<string>): ReadonlyArray<string> => {
  const of = scenario(name)
  const plan = of.plan!.map((fault) => ({ ...fault, parameters: { peers } }))
  return [...new Set(outcome({ ...of, plan }, 1).violations.map(({ invariant }) => invariant))]
}

describe("the source document's scenarios", () => {
  it("HolmesGPT_Service_Down: the LLMs answer at level 1, and HolmesGPT again afterwards", () =>
    holds("HolmesGPT_Service_Down"))

  it("LLM_Service_Down: the rules answer at level 2, and the LLMs again afterwards", () => holds("LLM_Service_Down"))

  it("All_AI_Services_Down: the rules answer at level 2, and HolmesGPT again afterwards", () =>
    holds("All_AI_Services_Down"))

  it("do not hold when something else is away", () => {
    assert.deepStrictEqual(brokenBy("HolmesGPT_Service_Down", []), ["expect-llm-fallback"])
    assert.deepStrictEqual(brokenBy("All_AI_Services_Down", ["holmesgpt"]), ["expect-rules-at-level-2"])
  })
})
