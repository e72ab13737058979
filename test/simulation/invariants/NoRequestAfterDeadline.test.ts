import { assert, describe, it } from "@effect/vitest"
import { noRequestAfterDeadline } from "../../../src/simulation/invariants/NoRequestAfterDeadline.ts"
import { answered, attempt, paused, sent, watch } from "../fixtures/Watching.ts"

const work = { verb: "get", about: "Deployment app-1" }
/** The longest time of a message in transit, from the scenario. */
const inTransitMs = 20

describe("no-request-after-deadline", () => {
  it("reports an attempt that begins 30 s after the request's first, and accepts one just before", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    const first = attempt({ work })
    at(1_000, sent(first), answered(first))
    at(30_999, sent(attempt({ work })))
    assert.deepStrictEqual(reports, [])
    at(31_000, sent(attempt({ work, number: 7 })))
    assert.deepStrictEqual(reports, ["request 7 (get Deployment app-1) began 0 ms after its deadline"])
  })

  it("reports an attempt that takes longer than 10 s and the way back, and accepts one that is interrupted in time", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    const inTime = attempt()
    const late = attempt({ work, number: 8 })
    at(0, sent(inTime), sent(late))
    at(10_000 + inTransitMs, answered(inTime, "given-up"))
    at(10_001 + inTransitMs, answered(late, "given-up"))
    assert.deepStrictEqual(reports, ["request 8 (get Deployment app-1) continued for 10021 ms"])
  })

  it("reports the last of several attempts if it continues after 30 s", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    at(0, sent(attempt({ work })))
    const last = attempt({ work, number: 9 })
    at(25_000, sent(last))
    at(30_001 + inTransitMs, answered(last, "given-up"))
    assert.deepStrictEqual(reports, ["request 9 (get Deployment app-1) continued for 21 ms after its deadline"])
  })

  it("accepts a request that is interrupted when the process resumes, if it was paused at the deadline", () => {
    for (const [pausedMs, forMs, endedMs, expected] of [
      [9_000, 5_000, 14_000 + inTransitMs, 0],
      [9_000, 5_000, 14_001 + inTransitMs, 1],
      // Interrupted in time, and the process was paused while the message was in transit.
      [10_000 + inTransitMs, 5_000, 15_000 + inTransitMs, 0],
      [10_000 + inTransitMs, 5_000, 15_001 + inTransitMs, 1],
      [10_001 + inTransitMs, 5_000, 15_001 + inTransitMs, 1],
      // It resumed before the deadline.
      [4_000, 5_999, 10_001 + inTransitMs, 1]
    ] as const) {
      const { at, reports } = watch(noRequestAfterDeadline)
      const made = attempt({ work })
      at(0, sent(made))
      at(pausedMs, paused(forMs))
      at(endedMs, answered(made, "given-up"))
      assert.strictEqual(reports.length, expected, `${pausedMs} + ${forMs}, ${endedMs}`)
    }
  })

  it("accepts a request that was sent at the start of a pause and ends as the process resumes, and reports a later end", () => {
    for (const [endedMs, expected] of [
      [60_000 + inTransitMs, 0],
      [60_001 + inTransitMs, 2]
    ] as const) {
      const { at, reports } = watch(noRequestAfterDeadline)
      const made = attempt({ work })
      at(0, paused(60_000), sent(made))
      at(endedMs, answered(made, "given-up"))
      assert.strictEqual(reports.length, expected)
    }
  })

  it("accepts a request that is interrupted after two adjacent pauses, and reports it if the process ran in between", () => {
    for (const [againMs, expected] of [
      [14_000, 0],
      [14_001, 1]
    ] as const) {
      const { at, reports } = watch(noRequestAfterDeadline)
      const made = attempt({ work })
      at(0, sent(made))
      at(9_000, paused(5_000))
      at(againMs, paused(5_000))
      at(againMs + 5_000 + inTransitMs, answered(made, "given-up"))
      assert.strictEqual(reports.length, expected)
    }
  })

  it("accepts an attempt that begins when the process resumes, if it was paused before the deadline", () => {
    for (const [pausedMs, expected] of [
      [29_999, 0],
      [30_000, 1]
    ] as const) {
      const { at, reports } = watch(noRequestAfterDeadline)
      const first = attempt({ work })
      at(0, sent(first), answered(first))
      at(pausedMs, paused(5_000))
      at(pausedMs + 5_000, sent(attempt({ work })))
      assert.strictEqual(reports.length, expected)
    }
  })

  it("names a request that never ended, unless a crash cut it off or another process sent it", () => {
    const { at, end, pending, reports } = watch(noRequestAfterDeadline)
    at(
      0,
      sent(attempt()),
      { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" },
      // Still in the step in which the process ended.
      sent(attempt({ number: 11 }))
    )
    at(
      1,
      { _tag: "ProcessBooted", process: "service", number: 1 },
      sent(attempt({ process: 2 })),
      sent(attempt({ number: 10, process: 1 }))
    )
    assert.deepStrictEqual(pending(), ["request 10 (get Deployment app-1) is in flight"])
    end()
    assert.deepStrictEqual(reports, ["request 10 (get Deployment app-1) is in flight"])
  })
})
