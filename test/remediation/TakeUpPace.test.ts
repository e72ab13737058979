import { assert, describe, it } from "@effect/vitest"
import { mayTakeUp, mostActive, pauseMs } from "../../src/remediation/TakeUpPace.ts"

/** How many are taken up within so many milliseconds, if as many wait. */
const within = (durationMs: number): number => {
  let count = 0
  for (let atMs = 0; atMs < durationMs; atMs += pauseMs(atMs)) count++
  return count
}

describe("the pace at which held back alerts are taken up", () => {
  it("begins with one a second, doubles every 15 seconds, and is 8 a second from 45 seconds on", () => {
    assert.deepStrictEqual(
      [0, 14_999, 15_000, 30_000, 45_000, 60_000, 3_600_000].map(pauseMs),
      [1000, 1000, 500, 250, 125, 125, 125]
    )
  })

  it("takes up 105 in the first 45 seconds, and 1,000 in less than three minutes", () => {
    assert.strictEqual(within(45_000), 105)
    assert.isAtLeast(within(180_000), 1000)
  })

  it("never has a pause of nothing, whatever the clock says", () => {
    for (const sinceMs of [-1, -1e9, Number.MAX_SAFE_INTEGER]) assert.isAtLeast(pauseMs(sinceMs), 125)
  })

  it("stops while a quarter of the places of the actors is in use", () => {
    assert.deepStrictEqual([0, mostActive - 1, mostActive, 256].map(mayTakeUp), [true, true, false, false])
  })
})
