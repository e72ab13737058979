import { assert, describe, it } from "@effect/vitest"
import { restartIntensity } from "../../../src/simulation/invariants/RestartIntensity.ts"
import { watch } from "../fixtures/Watching.ts"

const broke = { _tag: "SweepBroke", connection: 1 } as const

describe("restart-intensity", () => {
  it("accepts the first failure and five restarts within a minute, and reports the sixth", () => {
    for (const [lastMs, expected] of [
      [59_999, 1],
      [60_000, 0]
    ] as const) {
      const seen = watch(restartIntensity)
      for (let count = 0; count < 6; count++) seen.at(count * 8_000, broke)
      assert.deepStrictEqual(seen.reports, [])
      seen.at(lastMs, broke)
      assert.strictEqual(seen.reports.length, expected)
    }
  })

  it("accepts six more after a rest of half a minute, and none after less", () => {
    const rested = watch(restartIntensity)
    for (const restartMs of [0, 35_000])
      for (let count = 0; count < 6; count++) rested.at(restartMs + count * 1_000, broke)
    assert.deepStrictEqual(rested.reports, [])
    rested.at(40_001, broke)
    assert.deepStrictEqual(rested.reports, ["the sweep of connection 1 was started 7 times within 60000 ms"])

    const hurried = watch(restartIntensity)
    for (let count = 0; count < 6; count++) hurried.at(count * 1_000, broke)
    hurried.at(34_999, broke)
    assert.deepStrictEqual(hurried.reports, ["the sweep of connection 1 was started 7 times within 60000 ms"])
  })

  it("accepts any number over a longer time, and counts each process separately", () => {
    const seen = watch(restartIntensity)
    for (let count = 0; count < 30; count++) seen.at(count * 11_000, broke)
    for (let connection = 2; connection < 20; connection++) seen.at(400_000, { ...broke, connection })
    assert.deepStrictEqual(seen.reports, [])
  })
})
