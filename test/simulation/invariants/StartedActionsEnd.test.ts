import { assert, describe, it } from "@effect/vitest"
import { startedActionsEnd } from "../../../src/simulation/invariants/StartedActionsEnd.ts"
import {
  app,
  concluded,
  evicted,
  executed,
  intended,
  intendedEviction,
  verified,
  written
} from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

describe("started-actions-end", () => {
  const begun = () => {
    const seen = watch(startedActionsEnd)
    seen.at(1, intended("rem-1", app), written(app, "rem-1-1"))
    return seen
  }

  it("waits for an action that wrote, and reports it at the end", () => {
    const seen = begun()
    assert.deepStrictEqual(seen.pending(), ["rem-1-1 is under way"])
    seen.end()
    assert.deepStrictEqual(seen.reports, ["rem-1-1 wrote to the cluster and has not completed"])
  })

  it("reports an action that wrote and whose remediation ends as Cancelled", () => {
    const seen = begun()
    seen.at(2, executed("rem-1", { applied: "no", failure: "conflict" }), concluded("rem-1", "Cancelled"))
    assert.deepStrictEqual(seen.reports, ["rem-1-1 wrote to the cluster, and its remediation ended as Cancelled"])
  })

  it.each(["unknown", "not-fixed"])("reports that an action of verdict %s ended as Remediated", (verdict) => {
    const seen = begun()
    seen.at(2, executed("rem-1"), verified("rem-1", verdict), concluded("rem-1", "Remediated"))
    assert.deepStrictEqual(seen.reports, [`rem-1-1 ended as Remediated on a verdict of ${verdict}`])
  })

  it.each([
    ["Escalated", []],
    ["Remediated", ["rem-1-1 wrote to the cluster after its remediation had ended as Remediated"]]
  ] as const)("reports of a write that arrives after its remediation has ended as %s: %j", (state, reports) => {
    const seen = watch(startedActionsEnd)
    seen.at(
      1,
      intended("rem-1", app),
      executed("rem-1", { applied: "unknown", failure: "timeout" }),
      verified("rem-1", "fixed"),
      concluded("rem-1", state)
    )
    seen.at(2, written(app, "rem-1-1"))
    seen.end()
    assert.deepStrictEqual([seen.reports, seen.pending()], [reports, []])
  })

  it("waits for an eviction too, which has no annotation", () => {
    const seen = watch(startedActionsEnd)
    seen.at(1, intendedEviction("rem-1", app), evicted(app))
    assert.deepStrictEqual(seen.pending(), ["rem-1-1 is under way"])
  })

  it("accepts an action that ends fixed or escalated", () => {
    const fixed = begun()
    fixed.at(2, executed("rem-1"), verified("rem-1", "fixed"), concluded("rem-1", "Remediated"))
    const escalated = begun()
    escalated.at(2, executed("rem-1", { applied: "unknown", failure: "timeout" }), concluded("rem-1", "Escalated"))
    for (const seen of [fixed, escalated]) {
      seen.end()
      assert.deepStrictEqual([seen.reports, seen.pending()], [[], []])
    }
  })
})
