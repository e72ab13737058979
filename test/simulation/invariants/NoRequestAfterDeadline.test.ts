import { assert, describe, it } from "@effect/vitest"
import { noRequestAfterDeadline } from "../../../src/simulation/invariants/NoRequestAfterDeadline.ts"
import { answered, attempt, sent, watch } from "../fixtures/Watching.ts"

const work = { verb: "get", about: "Deployment app-1" }
/** Of the scenario: how long a message may be under way. */
const underWayMs = 20

describe("no-request-after-deadline", () => {
  it("reports an attempt that begins 30 s after the request's first, and takes one just before", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    const first = attempt({ work })
    at(1_000, sent(first), answered(first))
    at(30_999, sent(attempt({ work })))
    assert.deepStrictEqual(reports, [])
    at(31_000, sent(attempt({ work, number: 7 })))
    assert.deepStrictEqual(reports, ["request 7 (get Deployment app-1) began 0 ms after its deadline"])
  })

  it("reports an attempt that goes on for longer than 10 s and its way back, and takes one that is given up in time", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    const inTime = attempt()
    const late = attempt({ work, number: 8 })
    at(0, sent(inTime), sent(late))
    at(10_000 + underWayMs, answered(inTime, "given-up"))
    at(10_001 + underWayMs, answered(late, "given-up"))
    assert.deepStrictEqual(reports, ["request 8 (get Deployment app-1) went on for 10021 ms"])
  })

  it("reports the last of several attempts where it goes on beyond 30 s", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    at(0, sent(attempt({ work })))
    const last = attempt({ work, number: 9 })
    at(25_000, sent(last))
    at(30_001 + underWayMs, answered(last, "given-up"))
    assert.deepStrictEqual(reports, ["request 9 (get Deployment app-1) went on for 21 ms after its deadline"])
  })

  it("leaves out a request during which the process stood still", () => {
    const { at, reports } = watch(noRequestAfterDeadline)
    const made = attempt({ work })
    at(0, sent(made))
    at(10_000, { _tag: "FaultBegan", fault: { kind: "process-pause", atMs: 10_000, forMs: 60_000, parameters: {} } })
    at(70_000, sent(attempt({ work })), answered(made, "given-up"))
    assert.deepStrictEqual(reports, [])
  })

  it("names a request that never ended, but for one that a crash cut or that another process sent", () => {
    const { at, end, pending, reports } = watch(noRequestAfterDeadline)
    at(0, sent(attempt()), { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" })
    at(1, { _tag: "ProcessBooted", process: "service", number: 1 }, sent(attempt({ process: 2 })), sent(attempt({ number: 10, process: 1 })))
    assert.deepStrictEqual(pending(), ["request 10 (get Deployment app-1) is in flight"])
    end()
    assert.deepStrictEqual(reports, ["request 10 (get Deployment app-1) is in flight"])
  })
})
