import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import type { AuditRow } from "../../../src/simulation/farEnds/Database.ts"
import { auditComplete } from "../../../src/simulation/invariants/AuditComplete.ts"
import { app, concluded, executed, intended, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

type Line = readonly [kind: string, data?: object]

/** A chain that holds. */
const rowsOf = (...lines: ReadonlyArray<Line>): Array<AuditRow> => {
  let before = "0".repeat(64)
  return lines.map(([event, said = {}], index) => {
    const row = {
      sequence: index + 1,
      at: "2026-11-24T03:00:00.000Z",
      actor: "kubernaut",
      kind: `remediation.${event}`,
      subject: "rem-1",
      data: JSON.stringify(said)
    }
    const hash = (before = createHash("sha256")
      .update(JSON.stringify([row.sequence, row.at, row.actor, row.kind, row.subject, row.data, before]))
      .digest("hex"))
    return { ...row, hash }
  })
}

const execution = { executionId: "rem-1-1" }
const lines = (applied: string): ReadonlyArray<Line> => [
  ["Intended", execution],
  ["Executed", { ...execution, applied }],
  ["Concluded"]
]

const reportsOf = (rows: ReadonlyArray<AuditRow>, options: { readonly wrote?: boolean } = {}) => {
  const seen = watch(auditComplete, undefined, { farEnds: { database: { auditRows: () => rows } } })
  seen.at(1, intended("rem-1", app))
  if (options.wrote !== false) seen.at(2, written(app, "rem-1-1"))
  seen.at(3, executed("rem-1"), concluded("rem-1", "Escalated"))
  seen.end()
  return seen.reports
}

describe("audit-complete", () => {
  it("accepts a log that agrees with the journal and the cluster", () => {
    assert.deepStrictEqual(reportsOf(rowsOf(...lines("yes"))), [])
    assert.deepStrictEqual(reportsOf(rowsOf(...lines("unknown"))), [])
    assert.deepStrictEqual(reportsOf(rowsOf(...lines("no")), { wrote: false }), [])
  })

  it("reports a changed line", () => {
    const rows = rowsOf(...lines("yes"))
    rows[1] = { ...rows[1]!, actor: "somebody" }
    assert.deepStrictEqual(reportsOf(rows), [
      "audit line 2 does not carry the hash of its content and of the line before"
    ])
  })

  it("reports a missing line, by its number, its neighbour's hash and the journal", () => {
    const [first, , third] = rowsOf(...lines("yes"))
    const reports = reportsOf([first!, third!])
    assert.include(reports, "audit line 2 is missing: 3 stands in its place")
    assert.include(reports, "audit line 3 does not carry the hash of its content and of the line before")
    assert.include(
      reports,
      `the journal says "remediation.Executed rem-1" where the audit log says "remediation.Concluded rem-1"`
    )
  })

  it("reports a line that is not in the journal", () => {
    assert.include(
      reportsOf(rowsOf(...lines("yes"), ["Verified"])),
      `the audit log says "remediation.Verified rem-1", and the journal nothing`
    )
  })

  it("reports a write that the log denies, and a recorded write that never arrived", () => {
    assert.deepStrictEqual(reportsOf(rowsOf(...lines("no"))), [
      "rem-1-1 wrote to the cluster, and the audit log says that nothing was applied"
    ])
    assert.deepStrictEqual(reportsOf(rowsOf(...lines("yes")), { wrote: false }), [
      "the audit log says that rem-1-1 was applied, and no write of it arrived"
    ])
  })
})
