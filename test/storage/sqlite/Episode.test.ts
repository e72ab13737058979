import { assert, describe, it } from "@effect/vitest"
import {
  type FiringPost,
  firingRow,
  firingRows,
  type KnownAlert,
  resolutionIs
} from "../../../src/storage/sqlite/Episode.ts"
import { minute } from "../Incident.ts"

const lagMs = 10 * 60_000

const known = ({ work, ...rest }: Partial<Omit<KnownAlert, "work">> & { work?: Partial<KnownAlert["work"]> }) => ({
  startsAt: minute(0),
  receivedAt: minute(1),
  newestStart: minute(0),
  resolved: false,
  endedAt: undefined,
  ...rest,
  work: { open: false, joined: false, state: "Escalated" as const, resolved: false, updatedAt: minute(5), ...work }
})

const post = (startsAt: number, at: number): FiringPost => ({ startsAt: minute(startsAt), at: minute(at), lagMs })

describe("the table of firing posts", () => {
  const rows: ReadonlyArray<readonly [row: number, KnownAlert, FiringPost, why: string]> = [
    [0, known({ resolved: true }), post(0, 6), "the same start, after the resolution"],
    [0, known({ resolved: true, work: { open: true, state: "Verifying" } }), post(0, 6), "while it is verified"],
    [0, known({ resolved: true, work: { state: "Remediated" } }), post(6, 6), "after the fix"],
    [1, known({ endedAt: minute(1) }), post(2, 6), "two minutes after a late copy of the post"],
    [
      1,
      known({ endedAt: minute(1), work: { open: true, joined: true, state: "Verifying" } }),
      post(2, 6),
      "the late copy joined the work of another alert, which is open"
    ],
    [2, known({ work: { open: true, state: "Investigating" } }), post(-1, 6), "an earlier start"],
    [2, known({ work: { open: true, state: "AwaitingReview" } }), post(300, 301), "a much later start"],
    [
      2,
      known({ endedAt: minute(1), work: { open: true, state: "Investigating" } }),
      post(2, 6),
      "its own work is open"
    ],
    [2, known({ work: { open: true, joined: true, state: "Verifying" } }), post(2, 6), "it joined open work"],
    [
      3,
      known({ work: { state: "Observed", onlyRecorded: true } }),
      post(0, 6),
      "a post about nothing had its fingerprint"
    ],
    [4, known({ work: { state: "Cancelled", resolved: true } }), post(0, 6), "it joined an alert that resolved"],
    [5, known({}), post(30, 30), "a later start, after the end"],
    [5, known({ work: { state: "Observed" } }), post(7, 8), "a start just after the end"],
    [6, known({ work: { state: "Remediated" } }), post(0, 16), "11 minutes after the fix"],
    [6, known({ work: { state: "Remediated" } }), post(1, 240), "the other replica, 4 hours after the fix"],
    [7, known({ work: { timedOut: true } }), post(0, 240), "4 hours after nobody had answered"],
    [8, known({ work: { heldBack: true } }), post(0, 6), "a minute after the stop was lifted"],
    [9, known({ work: { state: "Remediated" } }), post(0, 15), "10 minutes after the fix"],
    [9, known({ endedAt: minute(-5) }), post(1, 6), "the other replica, after an earlier episode"],
    [9, known({}), post(0, 24 * 60), "a day after the escalation"],
    [9, known({ work: { state: "Observed" } }), post(0, 240), "4 hours after it was observed"],
    [9, known({ work: { state: "Cancelled" } }), post(0, 240), "4 hours after a person rejected the action"],
    [9, known({ work: { state: "RolledBack" } }), post(0, 240), "4 hours after the rollback"],
    [9, known({}), post(2, 6), "the other replica of Prometheus, just after the end"],
    [
      9,
      known({ work: { state: "Observed", onlyRecorded: true } }),
      { ...post(0, 6), onlyRecorded: true },
      "nothing is done about this post either"
    ]
  ]
  for (const [row, alert, firing, why] of rows) {
    const { means, situation } = firingRows[row]!
    it(`${means}: ${situation} (${why})`, () => assert.strictEqual(firingRow(alert, firing).situation, situation))
  }

  it("has a test of every row", () => {
    assert.deepStrictEqual(
      [...new Set(rows.map(([row]) => row))],
      firingRows.map((_, row) => row)
    )
  })

  it("depends on no difference between the clocks of sender and store", () => {
    const shifted = (minutes: number) => (row: number, alert: KnownAlert, firing: FiringPost) => {
      const shift = (time: string) => new Date(Date.parse(time) + minutes * 60_000).toISOString()
      const skewed = {
        ...alert,
        startsAt: shift(alert.startsAt),
        newestStart: shift(alert.newestStart),
        endedAt: alert.endedAt === undefined ? undefined : shift(alert.endedAt)
      }
      assert.strictEqual(
        firingRow(skewed, { ...firing, startsAt: shift(firing.startsAt) }).situation,
        firingRows[row]!.situation
      )
    }
    for (const [row, alert, firing] of rows) {
      shifted(-60)(row, alert, firing)
      shifted(60)(row, alert, firing)
    }
  })
})

describe("a start in the far future", () => {
  const future = "9999-12-31T23:59:59.000Z"
  const means = (alert: KnownAlert, firing: FiringPost) => firingRow(alert, firing).means

  it("does not hide that the alert begins again later", () => {
    const alert = known({ startsAt: future })
    assert.strictEqual(means(alert, post(30, 30)), "new")
    assert.strictEqual(means(alert, post(0, 30)), "repeat")
  })

  it("is one start, however often it is sent", () => {
    assert.strictEqual(means(known({ startsAt: future }), { startsAt: future, at: minute(240), lagMs }), "repeat")
  })

  it("of an hour, by clocks that are ahead, leaves two replicas one alert", () => {
    const alert = known({ startsAt: minute(61), newestStart: minute(61) })
    for (const start of [60, 61, 62]) assert.strictEqual(means(alert, post(start, 30)), "repeat")
  })
})

describe("a resolution", () => {
  const is = (alert: KnownAlert, startsAt: number, endsAt: number, at = endsAt) =>
    resolutionIs(alert, { startsAt: minute(startsAt), endsAt: minute(endsAt) }, minute(at))

  it("ends the alert with either start of two replicas", () => {
    const alert = known({ startsAt: minute(5), newestStart: minute(6) })
    for (const start of [4, 5, 6, 7]) assert.strictEqual(is(alert, start, 9), "ends")
  })

  it("that is older than the newest firing post was overtaken by it", () => {
    assert.strictEqual(is(known({ newestStart: minute(10) }), 0, 5, 12), "overtaken")
    assert.strictEqual(is(known({ newestStart: minute(10) }), 10, 5, 12), "ends")
  })

  it("of an earlier episode, and the copy of one that was received, are old", () => {
    assert.strictEqual(
      is(known({ startsAt: minute(10), newestStart: minute(10), receivedAt: minute(10) }), 0, 5),
      "old"
    )
    assert.strictEqual(is(known({ endedAt: minute(5) }), 0, 5, 7), "old")
    assert.strictEqual(is(known({ endedAt: minute(5) }), 0, 4, 7), "old")
    assert.strictEqual(is(known({ endedAt: minute(5) }), 0, 6, 7), "ends")
  })

  it("with an end in the future does not make later ones old", () => {
    assert.strictEqual(is(known({ endedAt: minute(60) }), 0, 20), "ends")
    assert.strictEqual(is(known({ endedAt: minute(60) }), 0, 60, 20), "old")
  })
})
