import { assert, describe, it } from "@effect/vitest"
import { firingAgainIsWork } from "../../../src/simulation/invariants/FiringAgainIsWork.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { committed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const minuteMs = 60_000
const worldStart = "2026-11-24T03:00:00.000Z"
const startsAt = (minutes: number) => new Date(Date.parse(worldStart) + minutes * minuteMs).toISOString()

const firing = (
  remediationId: string,
  minutes: number,
  status: "accepted" | "duplicate",
  fingerprint = "f"
): Observation => ({
  _tag: "AlertAnswered",
  alert: { fingerprint, startsAt: startsAt(minutes) },
  firing: true,
  status,
  remediationId
})
const accepted = (id: string, wallMs = 0, startMinutes = 0) =>
  committed(id, { _tag: "Accepted", alert: { fingerprint: "f", startsAt: startsAt(startMinutes) } } as never, wallMs)
const joined = (id: string, joinedTo: string) => committed(id, { _tag: "Joined", joinedTo } as never)
const handedOver = (id: string, to: string) => committed(id, { _tag: "HandedOver", to } as never)
const concluded = (id: string, wallMs = minuteMs) => committed(id, { _tag: "Concluded" }, wallMs)

const fresh = "alert f of 2026-11-24T03:50:00.000Z fires again, and was taken for a repeat of remediation rem-1"

/** Episodes whose last post starts in minute 50: what happened before, and what is reported. */
const situations: ReadonlyArray<
  readonly [claim: string, before: ReadonlyArray<readonly [ms: number, Observation]>, reports: ReadonlyArray<string>]
> = [
  ["accepts a repeat while the remediation works", [[0, accepted("rem-1")]], []],
  [
    "reports a repeat that starts after the remediation ended",
    [
      [0, accepted("rem-1")],
      [minuteMs, concluded("rem-1")]
    ],
    [fresh]
  ],
  [
    "accepts a repeat of an alert whose remediation joined one that still works",
    [
      [0, accepted("rem-1")],
      [0, joined("rem-1", "rem-lead")]
    ],
    []
  ],
  [
    "reports a repeat of an alert whose remediation joined one that has ended",
    [
      [0, accepted("rem-1")],
      [0, joined("rem-1", "rem-lead")],
      [minuteMs, concluded("rem-lead")]
    ],
    [fresh]
  ],
  [
    "accepts a repeat whose start is later by less than the remediation took and two replicas differ",
    [
      [0, accepted("rem-1", 0, 47)],
      [2 * minuteMs, concluded("rem-1", 2 * minuteMs)]
    ],
    []
  ],
  [
    "accepts a repeat where the wall clock says that the remediation took long",
    [
      [0, accepted("rem-1", -50 * minuteMs)],
      [minuteMs, concluded("rem-1")]
    ],
    []
  ],
  [
    "accepts a repeat of an alert whose lead handed over to one that still works",
    [
      [0, joined("rem-2", "rem-lead")],
      [0, joined("rem-1", "rem-lead")],
      [minuteMs, handedOver("rem-lead", "rem-2")],
      [minuteMs, concluded("rem-lead")]
    ],
    []
  ],
  [
    "reports a repeat of an alert that took over from its lead and has ended",
    [
      [0, accepted("rem-1")],
      [0, joined("rem-1", "rem-lead")],
      [minuteMs, handedOver("rem-lead", "rem-1")],
      [2 * minuteMs, concluded("rem-1")]
    ],
    [fresh]
  ]
]

describe("firing-again-is-work", () => {
  it.each(situations)("%s", (_, before, reports) => {
    const seen = watch(firingAgainIsWork)
    for (const [ms, observation] of before) seen.at(ms, observation)
    seen.at(51 * minuteMs, firing("rem-1", 50, "duplicate"))
    assert.deepStrictEqual(seen.reports, reports)
  })

  it("reports a second remediation of an alert whose first is open", () => {
    const seen = watch(firingAgainIsWork)
    seen.at(0, accepted("rem-1"), accepted("rem-2"))
    assert.deepStrictEqual(seen.reports, ["alert f begins remediation rem-2, and rem-1 is still open about it"])
  })
})
