import { assert, describe, it } from "@effect/vitest"
import { nothingAfterDeadline } from "../../../src/simulation/invariants/NothingAfterDeadline.ts"
import { began, call, ended, paused, watch } from "../fixtures/Watching.ts"

describe("nothing-after-deadline", () => {
  it("reports an attempt that begins 30 s after the first of its hop, and accepts one just before", () => {
    const { at, reports } = watch(nothingAfterDeadline)
    const hop = {}
    at(0, began(call({ hop })))
    at(29_999, began(call({ hop })))
    assert.deepStrictEqual(reports, [])
    at(30_000, began(call({ hop, number: 7 })))
    assert.deepStrictEqual(reports, ["call 7 to holmesgpt began 0 ms after its deadline"])
  })

  it("reports a call that takes longer than 30 s, and accepts one that is interrupted in time", () => {
    const { at, reports } = watch(nothingAfterDeadline)
    const inTime = call()
    const late = call({ number: 8 })
    at(1000, began(inTime), began(late))
    at(31_000, ended(inTime, "given-up"))
    at(31_001, ended(late, "good"))
    assert.deepStrictEqual(reports, ["call 8 to holmesgpt continued for 1 ms after its deadline"])
  })

  it("accepts what a process that was paused at the deadline does in the moment in which it resumes, and nothing later", () => {
    const still = watch(nothingAfterDeadline)
    const [inTime, late] = [call(), call({ number: 8 })]
    still.at(0, began(inTime), began(late))
    still.at(29_999, paused(60_000))
    still.at(89_999, ended(inTime, "given-up"), began(call({ hop: inTime.hop })))
    assert.deepStrictEqual(still.reports, [])
    still.at(90_000, ended(late, "given-up"))
    assert.deepStrictEqual(still.reports, ["call 8 to holmesgpt continued for 60000 ms after its deadline"])
  })

  it("does not excuse a call by a pause that ended before the deadline or began after it", () => {
    for (const [pausedMs, forMs, endedMs] of [
      [10_000, 15_000, 30_001],
      [30_001, 1000, 31_001]
    ] as const) {
      const { at, reports } = watch(nothingAfterDeadline)
      const made = call()
      at(0, began(made))
      at(pausedMs, paused(forMs))
      at(endedMs, ended(made, "given-up"))
      assert.strictEqual(reports.length, 1)
    }
  })

  it("does not excuse a call of another process than the paused one", () => {
    const { at, reports } = watch(nothingAfterDeadline)
    const made = call({ process: 1 })
    at(0, began(made))
    at(10_000, paused(60_000))
    at(70_000, ended(made, "good"))
    assert.strictEqual(reports.length, 1)
  })

  it("names a call that never ended, unless a crash cut it off", () => {
    const { at, end, pending, reports } = watch(nothingAfterDeadline)
    at(0, began(call()), { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" })
    at(1, { _tag: "ProcessBooted", process: "service", number: 1 }, began(call({ number: 9, process: 1 })))
    assert.deepStrictEqual(pending(), ["call 9 to holmesgpt is in flight"])
    end()
    assert.deepStrictEqual(reports, ["call 9 to holmesgpt is still in flight"])
  })
})
