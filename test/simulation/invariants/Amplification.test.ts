import { assert, describe, it } from "@effect/vitest"
import { amplification } from "../../../src/simulation/invariants/Amplification.ts"
import { began, call, watch } from "../fixtures/Watching.ts"

describe("amplification", () => {
  it("reports the extra attempt after those that burst, ratio and time allow", () => {
    const { at, reports } = watch(amplification)
    // At one moment: 10 of the burst and 6 that may have been paid for in the wait before.
    for (let index = 0; index < 4; index++) {
      const hop = {}
      for (let attempt = 1; attempt <= 5; attempt++) at(0, began(call({ hop })))
    }
    assert.deepStrictEqual(reports, [])
    const hop = {}
    for (let attempt = 1; attempt <= 5; attempt++) at(0, began(call({ hop })))
    assert.isAbove(reports.length, 0)
  })

  it("takes one extra attempt a second for ever, and reports two", () => {
    const steady = watch(amplification)
    const double = watch(amplification)
    for (let second = 0; second < 120; second++) {
      const hop = {}
      steady.at(second * 1000, began(call({ hop })), began(call({ hop })))
      double.at(second * 1000, began(call({ hop })), began(call({ hop })), began(call({ hop })))
    }
    assert.deepStrictEqual(steady.reports, [])
    assert.isAbove(double.reports.length, 0)
  })

  it("counts each hop once, whatever their number, and probes not at all", () => {
    const { at, reports } = watch(amplification)
    for (let index = 0; index < 1000; index++) at(0, began(call()), began(call({ hop: undefined, purpose: "probe" })))
    assert.deepStrictEqual(reports, [])
  })

  it("gives each peer and each process a budget of its own", () => {
    const { at, reports } = watch(amplification)
    for (const peer of ["holmesgpt", "llm:alpha"]) {
      for (const process of [0, 1]) {
        const hop = {}
        for (let attempt = 1; attempt <= 15; attempt++) at(0, began(call({ hop, peer, process })))
      }
    }
    assert.deepStrictEqual(reports, [])
  })
})
