import { assert, describe, it } from "@effect/vitest"
import type { Hop } from "../../../src/domain/Investigation.ts"
import { hopTimes } from "../../../src/simulation/observation/HopTimes.ts"

const hop = (durationMs: number, hedge?: NonNullable<Hop["hedge"]>): Hop => ({
  investigator: "llm",
  outcome: "failed",
  attempts: 1,
  durationMs,
  ...(hedge === undefined ? {} : { hedge })
})
const times = (...hops: ReadonlyArray<Hop>) => hopTimes(hops, 100).map(({ fromMs, toMs }) => [fromMs, toMs])

describe("the times of hops", () => {
  it("follow each other, and the last ends with the investigation", () => {
    assert.deepStrictEqual(times(hop(30), hop(0), hop(10)), [
      [60, 90],
      [90, 90],
      [90, 100]
    ])
  })

  it("overlap where one was asked beside another", () => {
    assert.deepStrictEqual(times(hop(20), hop(30, "started"), hop(12, "beside"), hop(5)), [
      [45, 65],
      [65, 95],
      [83, 95],
      [95, 100]
    ])
  })
})
