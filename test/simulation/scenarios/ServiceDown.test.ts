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

/** The invariants that are broken when other services are down than the scenario expects. */
const brokenBy = (name: string, peers: ReadonlyArray<string>): ReadonlyArray<string> => {
  const of = scenario(name)
  const plan = of.plan!.map((fault) => ({ ...fault, parameters: { peers } }))
  return [...new Set(outcome({ ...of, plan }, 1).violations.map(({ invariant }) => invariant))]
}

describe("the named scenarios of the requirements", () => {
  it("HolmesGPT_Service_Down falls back to the LLMs at level 1, and returns to HolmesGPT", () =>
    holds("HolmesGPT_Service_Down"))

  it("LLM_Service_Down falls back to the rules at level 2, and returns to the LLMs", () => holds("LLM_Service_Down"))

  it("All_AI_Services_Down falls back to the rules at level 2, and returns to HolmesGPT", () =>
    holds("All_AI_Services_Down"))

  it("are violated when other services are down than their names say", () => {
    assert.deepStrictEqual(brokenBy("HolmesGPT_Service_Down", []), ["expect-llm-fallback"])
    assert.deepStrictEqual(brokenBy("All_AI_Services_Down", ["holmesgpt"]), ["expect-rules-at-level-2"])
  })
})
