import { assert, describe, it } from "@effect/vitest"
import { rolledBackAtMostOnce } from "../../../src/simulation/invariants/RolledBackAtMostOnce.ts"
import { app, committed, other, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const rollback = (attempt: number) => `rem-1-1-rollback-${attempt}`

const intendedBack = (attempt: number) =>
  committed("rem-1", {
    _tag: "RollbackIntended",
    intent: { executionId: rollback(attempt), undoes: "rem-1-1" }
  } as never)

const verifiedBack = (restored: "yes" | "no" | "unknown") =>
  committed("rem-1", { _tag: "RollbackVerified", verification: { restored } } as never)

const reportsAfter = (...observations: ReadonlyArray<Parameters<ReturnType<typeof watch>["at"]>[1]>) => {
  const seen = watch(rolledBackAtMostOnce)
  observations.forEach((observation, index) => seen.at(index, observation))
  return seen.reports
}

describe("rolled-back-at-most-once", () => {
  it("accepts one write on each object, and one more after a read-back that found it not restored", () => {
    assert.deepStrictEqual(reportsAfter(intendedBack(1), written(app, rollback(1)), written(other, rollback(1))), [])
    assert.deepStrictEqual(
      reportsAfter(
        intendedBack(1),
        written(app, rollback(1)),
        verifiedBack("no"),
        intendedBack(2),
        written(app, rollback(2))
      ),
      []
    )
    assert.deepStrictEqual(
      reportsAfter(intendedBack(1), written(app, rollback(1), { applied: "no" }), written(app, rollback(1))),
      []
    )
  })

  it.each(["yes", "unknown"] as const)("reports a second write after a read-back of %s", (restored) => {
    assert.deepStrictEqual(
      reportsAfter(
        intendedBack(1),
        written(app, rollback(1)),
        verifiedBack(restored),
        intendedBack(2),
        written(app, rollback(2))
      ),
      ["rem-1-1-rollback-2 undid rem-1-1 on Deployment prod/app-1, which was undone already"]
    )
  })
})
