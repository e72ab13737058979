import { assert, describe, it } from "@effect/vitest"
import { lateRefusalsTold } from "../../../src/simulation/invariants/LateRefusalsTold.ts"
import { accepted, app, committed, concluded } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

interface Run {
  readonly verdict: string
  readonly state: string
  readonly failure?: string
  readonly observed?: object | null
  readonly refusedSinceMs?: number | undefined
}

/** A verdict by a read at 60 s, about an action whose pods are refused since 1 s. */
const reportsAfter = ({ failure, observed = {}, state, verdict, ...run }: Run): ReadonlyArray<string> => {
  const since = "refusedSinceMs" in run ? run.refusedSinceMs : 1_000
  const cluster = { readAtMs: () => 60_000, refusedSinceMs: () => since }
  const seen = watch(lateRefusalsTold, undefined, { farEnds: { cluster } })
  seen.at(0, accepted("rem-1", app))
  const verification = { verdict, observed, ...(failure === undefined ? {} : { failure }) }
  seen.at(60_001, committed("rem-1", { _tag: "Verified", verification } as never), concluded("rem-1", state))
  return seen.reports
}

describe("late-refusals-told", () => {
  const accepts: ReadonlyArray<readonly [claim: string, run: Run]> = [
    ["an undone action", { verdict: "not-fixed", failure: "quota-exceeded", state: "RolledBack" }],
    ["a person who is told", { verdict: "unknown", failure: "quota-exceeded", state: "Escalated" }],
    ["a fix after the refusal has ended", { verdict: "fixed", state: "Remediated", refusedSinceMs: undefined }],
    ["a refusal just before the last read", { verdict: "not-fixed", state: "Escalated", refusedSinceMs: 50_000 }],
    ["a target that could not be read", { verdict: "unknown", observed: null, state: "Escalated" }]
  ]
  it.each(accepts)("accepts %s", (_claim, run) => assert.deepStrictEqual(reportsAfter(run), []))

  const reports: ReadonlyArray<readonly [run: Run, expected: ReadonlyArray<string>]> = [
    [
      { verdict: "fixed", state: "Remediated" },
      [
        "remediation rem-1 said that Deployment prod/app-1 is fixed, whose pods are refused",
        "the pods of remediation rem-1 were refused, and it ended as Remediated"
      ]
    ],
    [
      { verdict: "not-fixed", state: "RolledBack" },
      ["remediation rem-1 does not say that the pods of Deployment prod/app-1 are refused"]
    ],
    [
      { verdict: "not-fixed", failure: "quota-exceeded", state: "Cancelled" },
      ["the pods of remediation rem-1 were refused, and it ended as Cancelled"]
    ]
  ]
  it.each(reports)("reports %o", (run, expected) => assert.deepStrictEqual(reportsAfter(run), expected))
})
