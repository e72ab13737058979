import { assert, describe, it } from "@effect/vitest"
import * as Faults from "../../../src/simulation/faults/Faults.ts"
import * as SievePatterns from "../../../src/simulation/faults/SievePatterns.ts"

describe("Sieve's patterns", () => {
  it("are the three of the paper, by name", () => {
    assert.deepStrictEqual(
      SievePatterns.all.map(({ name }) => name),
      ["intermediate-state", "stale-state", "unobserved-state"]
    )
  })

  it("each name faults that exist", () => {
    for (const { faults, name } of SievePatterns.all) {
      assert.isAbove(faults.length, 1, name)
      for (const fault of faults) assert.isTrue(Faults.byName.has(fault), fault)
    }
  })
})
