import { assert, describe, it } from "@effect/vitest"
import { firingAgainIsWork } from "../../../src/simulation/invariants/FiringAgainIsWork.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { app, committed } from "../fixtures/Journal.ts"
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
/** The commits in which `rem-0` takes over from its lead in a minute, as `rem-1`. Its alert began in minute 0. */
const continued = (minutes: number): ReadonlyArray<readonly [ms: number, Observation]> => [
  [0, accepted("rem-0")],
  [0, joined("rem-0", "rem-lead")],
  [
    minutes * minuteMs,
    committed(
      "rem-1",
      { _tag: "Accepted", alert: { fingerprint: "f", startsAt: startsAt(0) }, continues: "rem-0" } as never,
      minutes * minuteMs
    )
  ],
  [minutes * minuteMs, handedOver("rem-lead", "rem-1")]
]

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
  ],
  [
    "counts the time of a continuation from when its alert was received, not from the handover",
    [...continued(49), [49 * minuteMs, concluded("rem-1", 49 * minuteMs)]],
    []
  ],
  [
    "reports a repeat that starts after a continuation ended, by more than two replicas differ",
    [...continued(40), [41 * minuteMs, concluded("rem-1", 41 * minuteMs)]],
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

  it("a copy of a resolution that a continuation has received does not end the next episode", () => {
    const seen = watch(firingAgainIsWork)
    const resolved = (remediationId: string): Observation => ({
      _tag: "AlertAnswered",
      alert: { fingerprint: "f", startsAt: startsAt(0) },
      endsAt: startsAt(5),
      firing: false,
      status: "resolved",
      remediationId
    })
    seen.at(0, firing("rem-0", 0, "accepted"))
    for (const [ms, observation] of continued(2)) seen.at(ms, observation)
    seen.at(6 * minuteMs, committed("rem-1", { _tag: "AlertResolved" }), resolved("rem-1"))
    // A late copy of a firing post begins the next episode, and a copy of the resolution arrives after it.
    seen.at(7 * minuteMs, accepted("rem-2", 7 * minuteMs), joined("rem-2", "rem-1"), firing("rem-2", 0, "accepted"))
    seen.at(8 * minuteMs, resolved("rem-2"))
    seen.at(9 * minuteMs, {
      _tag: "AlertSent",
      alert: { fingerprint: "f", startsAt: startsAt(9) },
      firing: true,
      about: app
    })
    seen.at(9 * minuteMs, firing("rem-2", 9, "duplicate"))
    seen.at(10 * minuteMs, concluded("rem-1", 10 * minuteMs))
    seen.at(11 * minuteMs, firing("rem-2", 9, "duplicate"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it.each([
    ["that the journal has recorded", [committed("rem-1", { _tag: "AlertResolved", endsAt: startsAt(2) } as never)]],
    ["of a remediation whose end needs no record", []]
  ] as const)("a copy of a resolution %s, received into the spool, does not end the next episode", (_, ended) => {
    const seen = watch(firingAgainIsWork)
    const resolved = (remediationId?: string): Observation => ({
      _tag: "AlertAnswered",
      alert: { fingerprint: "f", startsAt: startsAt(0) },
      endsAt: startsAt(2),
      firing: false,
      status: "resolved",
      ...(remediationId === undefined ? {} : { remediationId })
    })
    seen.at(2 * minuteMs, resolved())
    seen.at(3 * minuteMs, accepted("rem-1"), ...ended, concluded("rem-1"), accepted("rem-2", 3 * minuteMs))
    seen.at(3 * minuteMs, firing("rem-2", 0, "duplicate"), resolved("rem-2"))
    seen.at(4 * minuteMs, concluded("rem-2", 4 * minuteMs))
    // Alertmanager has reported the alert as resolved, which is under way, and as firing again with the same start.
    seen.at(5 * minuteMs, {
      _tag: "AlertSent",
      alert: { fingerprint: "f", startsAt: startsAt(0) },
      firing: true,
      about: app
    })
    seen.at(5 * minuteMs, firing("rem-2", 0, "duplicate"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("reports a second remediation of an alert whose first is open", () => {
    const seen = watch(firingAgainIsWork)
    seen.at(0, accepted("rem-1"), accepted("rem-2"))
    assert.deepStrictEqual(seen.reports, ["alert f begins remediation rem-2, and rem-1 is still open about it"])
  })
})
