import { assert, describe, it } from "@effect/vitest"
import { budgetsRespected } from "../../../src/simulation/invariants/BudgetsRespected.ts"
import { app, intended, reviewed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const minuteMs = 60_000

const reportsOf = (
  forbiddenSinceMs: number | undefined,
  ready: number,
  {
    applied = "yes",
    approval = false,
    path = "/spec/template"
  }: { applied?: "yes" | "no"; approval?: boolean; path?: string } = {}
) => {
  const seen = watch(budgetsRespected, undefined, {
    farEnds: { cluster: { forbidden: { sinceMs: () => forbiddenSinceMs }, readySince: () => ready } }
  })
  if (approval) seen.at(0, reviewed("rem-1", "approved"))
  seen.at(
    5 * minuteMs,
    intended("rem-1", app, { atMs: 5 * minuteMs, path }),
    written(app, "rem-1-1", { applied, path })
  )
  return seen.reports
}

describe("budgets-respected", () => {
  it("reports a rollout of ready pods under a budget that has allowed no disruption for a minute", () => {
    assert.deepStrictEqual(reportsOf(4 * minuteMs, 2), [
      "rem-1-1 replaces ready pods of app-1, of which a budget allows none to go"
    ])
  })

  it("accepts it if a person approved it, if nothing was written, and if no pod template changes", () => {
    assert.deepStrictEqual(reportsOf(0, 2, { approval: true }), [])
    assert.deepStrictEqual(reportsOf(0, 2, { applied: "no" }), [])
    assert.deepStrictEqual(reportsOf(0, 2, { path: "/spec/replicas" }), [])
  })

  it("accepts it where no budget forbids it, where the budget is newer than the plan, and where no pod is ready", () => {
    assert.deepStrictEqual(reportsOf(undefined, 2), [])
    assert.deepStrictEqual(reportsOf(4.5 * minuteMs, 2), [])
    assert.deepStrictEqual(reportsOf(0, 0), [])
  })
})
