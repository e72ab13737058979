import { assert, describe, it } from "@effect/vitest"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import type { Setting } from "../../../src/simulation/farEnds/FarEnd.ts"
import { foreignAlertsObserved } from "../../../src/simulation/invariants/ForeignAlertsObserved.ts"
import { Observations } from "../../../src/simulation/observation/Observation.ts"

type Row = readonly [remediationId: string, event: unknown]

/** What the checker reports of commits. */
const reportsOf = (...commits: ReadonlyArray<ReadonlyArray<Row>>): ReadonlyArray<string> => {
  const reports: Array<string> = []
  const observations = new Observations(() => 0)
  observations.subscribe(foreignAlertsObserved.make({} as Setting, (message) => reports.push(message)).on ?? {})
  for (const rows of commits) {
    observations.publish({
      _tag: "Committed",
      events: rows.map(([remediationId, event]) => ({
        remediationId,
        sequence: 0,
        epoch: null,
        kind: (event as RemediationEvent)._tag,
        at: "2026-11-24T03:00:00.000Z",
        // Only the fields that the checker reads.
        event: event as RemediationEvent
      }))
    })
  }
  return reports
}

const accepted = (cluster: string | undefined, target = cluster ?? "ours") => ({
  _tag: "Accepted",
  alert: { labels: cluster === undefined ? {} : { cluster } },
  target: { cluster: target }
})
const observed = { _tag: "Concluded", state: "Observed" }

describe("foreign-alerts-observed", () => {
  it("accepts an alert that is recorded, and its resolution", () => {
    assert.deepStrictEqual(
      reportsOf(
        [
          ["rem-1", accepted("theirs")],
          ["rem-1", observed]
        ],
        [["rem-1", { _tag: "AlertResolved" }]]
      ),
      []
    )
  })

  it("has nothing to say about an alert of ours", () => {
    assert.deepStrictEqual(reportsOf([["rem-1", accepted(undefined)]], [["rem-1", { _tag: "Started" }]]), [])
  })

  it.each<{ what: string; commits: ReadonlyArray<ReadonlyArray<Row>>; report: RegExp }>([
    { what: "is accepted as work", commits: [[["rem-1", accepted("theirs")]]], report: /accepted as work/ },
    {
      what: "has a target of ours",
      commits: [
        [
          ["rem-1", accepted("theirs", "ours")],
          ["rem-1", observed]
        ]
      ],
      report: /has a target in ours/
    },
    {
      what: "is worked on after it was recorded",
      commits: [
        [
          ["rem-1", accepted("theirs")],
          ["rem-1", observed]
        ],
        [["rem-1", { _tag: "Investigated" }]]
      ],
      report: /worked on: Investigated/
    },
    {
      what: "ends in another state",
      commits: [
        [
          ["rem-1", accepted("theirs")],
          ["rem-1", { _tag: "Concluded", state: "Remediated" }]
        ]
      ],
      report: /concluded as Remediated/
    },
    {
      what: "leads an alert of ours",
      commits: [
        [
          ["rem-1", accepted("theirs")],
          ["rem-1", observed]
        ],
        [
          ["rem-2", accepted(undefined)],
          ["rem-2", { _tag: "Joined", joinedTo: "rem-1" }]
        ]
      ],
      report: /rem-2 joined rem-1/
    }
  ])("reports an alert of another cluster that $what", ({ commits, report }) => {
    const reports = reportsOf(...commits)
    assert.strictEqual(reports.length, 1, reports.join("\n"))
    assert.match(reports[0] ?? "", report)
  })
})
