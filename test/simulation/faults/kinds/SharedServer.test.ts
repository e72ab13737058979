import { assert, describe, it } from "@effect/vitest"
import * as World from "../../../../src/simulation/engine/World.ts"
import { sharesAccount } from "../../../../src/simulation/farEnds/LanguageModels.ts"
import { during, scenario } from "../../fixtures/Outages.ts"

const llms = { ...scenario, tiers: ["llm:alpha", "llm:beta"] } as const
const seedThat = (shares: boolean): number => {
  for (let seed = 1; ; seed++) if (sharesAccount({ world: World.make(seed) }) === shares) return seed
}
const seen = (shares: boolean, says: "refused" | "nothing") =>
  during("shared-server-down", { peers: ["llm:alpha"], says }, { seed: seedThat(shares), scenario: llms })

describe("shared-server-down", () => {
  it("is found out once for both models: the second is not asked where nothing can be reached", () => {
    const { reasons, reasonsOfCalls, violations } = seen(true, "refused")
    assert.deepStrictEqual(violations, [])
    assert.include(reasons("during", "llm", "alpha"), "unavailable")
    assert.include(reasons("during", "llm", "beta"), "host-unreachable")
    assert.deepStrictEqual(reasonsOfCalls("after", "llm", "alpha"), ["answered"])
  })

  it("leaves both without an answer where the server says nothing", () => {
    const { reasons, violations } = seen(true, "nothing")
    assert.deepStrictEqual(violations, [])
    for (const provider of ["alpha", "beta"]) assert.include(reasons("during", "llm", provider), "silent")
  })

  it("leaves a model with a server of its own alone", () => {
    const { reasonsOfCalls, violations } = seen(false, "refused")
    assert.deepStrictEqual(violations, [])
    assert.deepStrictEqual(reasonsOfCalls("during", "llm", "beta"), ["answered"])
  })
})
