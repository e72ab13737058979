import { assert, describe, it } from "@effect/vitest"
import { oneActionAtATime } from "../../../src/simulation/invariants/OneActionAtATime.ts"
import {
  app,
  concluded,
  evicted,
  executed,
  intended,
  intendedEviction,
  other,
  verified,
  written
} from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

describe("one-action-at-a-time", () => {
  const begun = () => {
    const seen = watch(oneActionAtATime)
    seen.at(1, intended("rem-1", app), written(app, "rem-1-1"))
    return seen
  }

  it("reports a write to an object on which another action is in progress", () => {
    const seen = begun()
    seen.at(2, executed("rem-1"), intended("rem-2", app), written(app, "rem-2-1"))
    assert.deepStrictEqual(seen.reports, ["rem-2-1 wrote to Deployment prod/app-1 while rem-1-1 was under way there"])
  })

  it("reports a second action of a remediation whose first has no verdict", () => {
    const seen = begun()
    seen.at(2, intended("rem-1", other, { execution: "rem-1-2" }), written(other, "rem-1-2"))
    assert.deepStrictEqual(seen.reports, ["rem-1-2 began while rem-1-1 of the same remediation was under way"])
  })

  it.each([
    ["a verdict", verified("rem-1", "not-fixed")],
    ["a failure", executed("rem-1", { applied: "no", failure: "conflict" })],
    ["the end of the remediation", concluded("rem-1", "Escalated")]
  ])("accepts another action after %s of the first", (_, end) => {
    const seen = begun()
    seen.at(2, end, intended("rem-2", app), written(app, "rem-2-1"))
    assert.deepStrictEqual(seen.reports, [])
  })

  const arrivedLate = () => {
    const seen = watch(oneActionAtATime)
    const unknown = executed("rem-1", { applied: "unknown", failure: "storage-full" })
    seen.at(1, intended("rem-1", app), unknown, concluded("rem-1", "Escalated"))
    return seen
  }

  it("does not take a write that arrives after the end of its remediation for an action in progress", () => {
    const seen = arrivedLate()
    seen.at(2, written(app, "rem-1-1"), intended("rem-2", app), written(app, "rem-2-1"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("reports such a write if it arrives during another action on the object", () => {
    const seen = arrivedLate()
    seen.at(2, intended("rem-2", app), written(app, "rem-2-1"), written(app, "rem-1-1"))
    assert.deepStrictEqual(seen.reports, ["rem-1-1 wrote to Deployment prod/app-1 while rem-2-1 was under way there"])
  })

  it("reports the eviction of a pod of the workload meanwhile, and accepts that of another's", () => {
    const seen = begun()
    seen.at(2, intendedEviction("rem-2", app), evicted(app), intendedEviction("rem-3", other), evicted(other))
    assert.deepStrictEqual(seen.reports, ["rem-2-1 wrote to Deployment prod/app-1 while rem-1-1 was under way there"])
  })

  it("accepts an action on another object meanwhile, and a refused write", () => {
    const seen = begun()
    seen.at(
      2,
      intended("rem-2", other),
      written(other, "rem-2-1"),
      intended("rem-3", app),
      written(app, "rem-3-1", { applied: "no" })
    )
    assert.deepStrictEqual(seen.reports, [])
  })
})
