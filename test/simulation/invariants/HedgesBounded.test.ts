import { assert, describe, it } from "@effect/vitest"
import { hedgesBounded } from "../../../src/simulation/invariants/HedgesBounded.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { began, call, ended, watch } from "../fixtures/Watching.ts"

const hedging = { ...Scenario.models, hedges: { after: 1000, deadline: 5000 } }

/** The calls of one alert: to HolmesGPT, and to a model beside it. */
const alert = () => {
  const investigation = {}
  return { holmes: call({ investigation }), beside: call({ investigation, peer: "llm:alpha" }), investigation }
}

describe("hedges-bounded", () => {
  it("accepts a model beside HolmesGPT after its time, with all its attempts, and one after HolmesGPT", () => {
    const { at, reports } = watch(hedgesBounded, hedging)
    const [hedged, fallen] = [alert(), alert()]
    at(0, began(hedged.holmes), began(fallen.holmes))
    at(10, ended(fallen.holmes, "bad"), began(fallen.beside))
    at(1000, began(hedged.beside), began(call({ ...hedged.beside })))
    assert.deepStrictEqual(reports, [])
  })

  it("accepts the second attempt at a model that was asked between two attempts at HolmesGPT", () => {
    const { at, reports } = watch(hedgesBounded, hedging)
    const { beside, holmes } = alert()
    at(0, began(holmes))
    at(100, ended(holmes, "bad"))
    at(1100, began(beside))
    at(1110, ended(beside, "bad"))
    at(1200, began(call({ ...holmes })))
    at(1300, began(call({ ...beside })))
    assert.deepStrictEqual(reports, [])
  })

  it("reports a model that was asked too early between two attempts at HolmesGPT, or where nothing is to be hedged", () => {
    const rows = [
      [hedging, "llm:alpha is asked beside holmesgpt after 100 ms, not 1000 ms"],
      [Scenario.steady, "llm:alpha is asked beside holmesgpt, and nothing is to be hedged"]
    ] as const
    for (const [scenario, problem] of rows) {
      const { at, reports } = watch(hedgesBounded, scenario)
      const { beside, holmes } = alert()
      at(0, began(holmes))
      at(50, ended(holmes, "bad"))
      at(100, began(beside))
      at(200, began(call({ ...holmes })))
      at(300, began(call({ ...beside })))
      assert.deepStrictEqual(reports, [problem])
    }
  })

  it("reports one that does not wait, and a second one for the same alert", () => {
    const { at, reports } = watch(hedgesBounded, hedging)
    const { beside, holmes, investigation } = alert()
    at(0, began(holmes))
    at(900, began(beside))
    at(2000, began(call({ investigation, peer: "llm:beta" })))
    assert.deepStrictEqual(reports, [
      "llm:alpha is asked beside holmesgpt after 900 ms, not 1000 ms",
      "llm:beta is asked beside holmesgpt, and so was another model for the same alert"
    ])
  })

  it("reports any where nothing is to be hedged", () => {
    const { at, reports } = watch(hedgesBounded, Scenario.steady)
    const { beside, holmes } = alert()
    at(0, began(holmes))
    at(9000, began(beside))
    assert.deepStrictEqual(reports, ["llm:alpha is asked beside holmesgpt, and nothing is to be hedged"])
  })

  it("reports those beyond the retry budget: ten, what a second earns, and a fifth for each request", () => {
    const { at, reports } = watch(hedgesBounded, hedging)
    const alerts = Array.from({ length: 100 }, alert)
    at(0, ...alerts.map(({ holmes }) => began(holmes)))
    at(2000, ...alerts.slice(0, 36).map(({ beside }) => began(beside)))
    assert.deepStrictEqual(reports, [])
    at(2000, ...alerts.slice(36).map(({ beside }) => began(beside)))
    assert.lengthOf(reports, 64)
    assert.strictEqual(reports[0], "llm:alpha is asked beside holmesgpt without a retry budget")
  })
})
