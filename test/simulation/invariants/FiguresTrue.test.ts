import { assert, describe, it } from "@effect/vitest"
import type { FigureRow } from "../../../src/simulation/farEnds/Database.ts"
import { figuresTrue } from "../../../src/simulation/invariants/FiguresTrue.ts"
import { accepted, app, concluded, executed, intended } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const row = (subject: string, outcome: string, count = 1): FigureRow => ({ subject, outcome, count })

const reportsOf = (rows: ReadonlyArray<FigureRow>, type = "RollbackDeployment") => {
  const seen = watch(figuresTrue, undefined, { farEnds: { database: { figureRows: () => rows } } })
  seen.at(1, accepted("rem-1"), accepted("rem-2"))
  seen.at(2, intended("rem-1", app, { type }))
  seen.at(3, executed("rem-1"), concluded("rem-1", "Escalated"))
  seen.end()
  return seen.reports
}

const true_ = [row("remediation", "Received"), row("remediation", "Escalated"), row("action:RollbackDeployment", "yes")]

describe("figures-true", () => {
  it("accepts figures that the journal bears out, whatever the verdicts are", () =>
    assert.deepStrictEqual(reportsOf([...true_, row("verdict", "fixed")]), []))

  it("reports a remediation that is counted twice", () =>
    assert.deepStrictEqual(reportsOf([...true_, row("remediation", "Observed")]), [
      'the figures count 1 of "remediation Observed", and the journal has 0'
    ]))

  it("reports an action that is lost", () =>
    assert.deepStrictEqual(reportsOf(true_.slice(0, 2)), [
      'the figures count 0 of "action:RollbackDeployment yes", and the journal has 1'
    ]))

  it("does not expect actions that write nothing", () =>
    assert.deepStrictEqual(reportsOf(true_.slice(0, 2), "CollectDiagnostics"), []))
})
