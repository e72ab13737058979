import { assert, describe, it } from "@effect/vitest"
import { amplification } from "../../../src/simulation/invariants/Amplification.ts"
import { attempt, began, call, sent, watch } from "../fixtures/Watching.ts"

describe("amplification", () => {
  it("reports extra attempts beyond those that burst, ratio and time allow", () => {
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

  it("accepts one extra attempt a second for two minutes, and reports two a second", () => {
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

  it("counts the first attempt of each hop as free, and ignores probes", () => {
    const { at, reports } = watch(amplification)
    for (let index = 0; index < 1000; index++) at(0, began(call()), began(call({ hop: undefined, purpose: "probe" })))
    assert.deepStrictEqual(reports, [])
  })

  it("accepts retries of a fifth of a storm's requests, and reports retries of all", () => {
    const fifth = watch(amplification)
    const each = watch(amplification)
    for (let index = 0; index < 1000; index++) {
      const work = { verb: "list", about: "Pod" }
      const asked = index + 1
      fifth.at(index, sent(attempt({ asked, work })))
      each.at(index, sent(attempt({ asked, work })), sent(attempt({ asked, work })))
      if (index % 5 === 0) fifth.at(index, sent(attempt({ asked, work })))
    }
    assert.deepStrictEqual(fifth.reports, [])
    assert.isAbove(each.reports.length, 0)
    assert.strictEqual(each.reports[0], "kubernetes got one attempt more than its retry budget allows")
  })

  it("credits requests that the service made and did not send", () => {
    const extra = (turnedAway: number) => {
      const seen = watch(amplification)
      seen.at(0, sent(attempt({ asked: 1 })))
      const work = { verb: "list", about: "Pod" }
      const asked = 1 + turnedAway
      for (let count = 0; count < 30; count++) seen.at(1000, sent(attempt({ asked, work })))
      return seen.reports.length
    }
    assert.isAbove(extra(0), 0)
    assert.strictEqual(extra(100), 0)
  })

  it("forgets the credit of a storm in quiet time", () => {
    const seen = watch(amplification)
    seen.at(0, sent(attempt({ asked: 1 })))
    seen.at(1000, sent(attempt({ asked: 1001 })))
    const work = { verb: "list", about: "Pod" }
    for (let count = 0; count < 18; count++) seen.at(60_000, sent(attempt({ asked: 1002, work })))
    assert.strictEqual(seen.reports.length, 1)
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
