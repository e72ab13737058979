import { assert, describe, it } from "@effect/vitest"
import {
  type AlertPosts,
  type AlertStatus,
  hear,
  type Statement,
  statementsIn,
  statusOf,
  unheard
} from "../../src/verification/AlertEvidence.ts"

const settings = { actedAtMs: 0, steadyMs: 10_000, quietMs: 10_000 }

const post = (second: number, says: "firing" | "resolved"): Statement => ({
  by: "webhook",
  atMs: second * 1000,
  says
})
const joined = (second: number, says: "firing" | "resolved"): Statement => ({
  by: "joined",
  atMs: second * 1000,
  says
})
const listed = (second: number, instance = "a"): Statement => ({
  by: "alertmanager",
  atMs: second * 1000,
  says: { _tag: "Listed", instance }
})
const absent = (second: number, instance = "a"): Statement => ({
  by: "alertmanager",
  atMs: second * 1000,
  says: { _tag: "Absent", instance }
})
const silent = (second: number): Statement => ({ by: "alertmanager", atMs: second * 1000, says: { _tag: "Silent" } })

/** The status at the time of the last statement, or at `atSecond`. */
const statusAfter = (statements: ReadonlyArray<Statement>, atSecond?: number): AlertStatus =>
  statusOf(
    statements.reduce((evidence, statement) => hear(evidence, statement, settings), unheard),
    atSecond === undefined ? (statements.at(-1)?.atMs ?? 0) : atSecond * 1000,
    settings
  )

const rows: ReadonlyArray<readonly [situation: string, AlertStatus, ReadonlyArray<Statement>, atSecond?: number]> = [
  ["nothing was said", "unknown", []],
  ["a webhook said that it is resolved, for the stabilisation window", "resolved", [post(5, "resolved")], 15],
  ["a webhook said that it is resolved, for less than the window", "ending", [post(5, "resolved")], 14],
  [
    "it fired again after it was resolved, and was resolved five minutes ago",
    "resolved",
    [post(5, "resolved"), post(9, "firing"), post(10, "resolved")],
    310
  ],
  [
    "it fired again after it was resolved, and was resolved less than five minutes ago",
    "flapping",
    [post(5, "resolved"), post(9, "firing"), post(10, "resolved")],
    309
  ],
  [
    "another one that joined fired after it was resolved, and all ended less than five minutes ago",
    "flapping",
    [post(5, "resolved"), joined(9, "firing"), joined(10, "resolved")],
    309
  ],
  ["a webhook said that it fires", "firing", [post(5, "firing")]],
  ["it fires again after it was resolved", "firing", [post(5, "resolved"), post(9, "firing")]],
  ["it is resolved after it fired", "resolved", [post(5, "firing"), post(9, "resolved")], 19],
  ["Alertmanager lists it after a webhook said that it is resolved", "firing", [post(5, "resolved"), listed(6)]],
  ["a webhook said that it is resolved after Alertmanager listed it", "resolved", [listed(5), post(6, "resolved")], 16],
  ["the webhooks are from before the action", "unknown", [post(-5, "firing"), post(-2, "resolved")]],
  ["Alertmanager listed it before the action only", "unknown", [listed(-1)]],

  ["it is no longer listed, for the stabilisation window", "resolved", [listed(0), absent(2), absent(12)]],
  ["it is no longer listed, but for less than the window", "firing", [listed(0), absent(2), absent(11)]],
  ["it was listed before the action and is absent since", "resolved", [listed(-1), absent(0), absent(10)]],
  ["it comes back to the list within the window", "firing", [listed(0), absent(2), listed(4), absent(6), absent(13)]],
  ["it comes back to the list after the window", "firing", [listed(0), absent(2), absent(12), listed(14)]],
  ["a webhook said that it fires while it is absent", "firing", [listed(0), absent(2), post(8, "firing"), absent(13)]],
  ["it is absent for the window after that webhook", "resolved", [listed(0), post(8, "firing"), absent(9), absent(19)]],
  ["it was never listed", "unknown", [absent(0), absent(10), absent(60)]],
  ["it was never listed, and a webhook said that it fires", "firing", [post(1, "firing"), absent(2), absent(60)]],
  ["it was never listed, and a webhook said that it is resolved", "resolved", [post(1, "resolved"), absent(2)], 11],

  ["Alertmanager was restarted", "firing", [listed(0), absent(2, "b"), absent(60, "b")]],
  ["Alertmanager was restarted before the action", "unknown", [listed(-1), absent(2, "b"), absent(60, "b")]],
  [
    "Alertmanager was restarted, and Prometheus sent the alert again",
    "resolved",
    [listed(0), absent(2, "b"), listed(30, "b"), absent(60, "b"), absent(70, "b")]
  ],
  [
    "a peer that never received the alert responds in between",
    "resolved",
    [listed(0), absent(2), absent(4, "b"), absent(12)]
  ],
  ["a peer still lists it", "firing", [listed(0), absent(2), listed(6, "b"), absent(12)]],

  ["it is resolved, but an alert that joined fires", "firing", [post(5, "resolved"), joined(6, "firing")]],
  [
    "an alert that joined has ended too",
    "resolved",
    [joined(5, "firing"), post(6, "resolved"), joined(7, "resolved")],
    17
  ],
  [
    "it has been absent for long, and an alert that joined has just ended",
    "ending",
    [listed(0), joined(1, "firing"), absent(2), absent(12), joined(60, "resolved")]
  ],
  ["only an alert that joined is known to fire", "firing", [joined(5, "firing")]],
  ["that alert was not heard of for long", "was-firing", [joined(5, "firing")], 306],
  ["an alert that joined fired before the action", "unknown", [joined(-5, "firing")]],

  ["Alertmanager does not respond", "unknown", [silent(0), silent(60)]],
  ["Alertmanager stopped to respond while it listed the alert", "firing", [listed(0), silent(2), silent(60)]],
  [
    "Alertmanager stopped to respond after the alert was absent",
    "unknown",
    [listed(0), absent(2), absent(12), silent(14)]
  ],
  ["Alertmanager responds again", "resolved", [listed(0), absent(2), absent(12), silent(14), absent(16)]],
  ["one response failed within the window", "resolved", [listed(0), absent(2), silent(6), absent(12)]],
  ["Alertmanager does not respond, but a webhook came", "resolved", [silent(0), post(5, "resolved"), silent(6)], 15],

  ["a webhook said five minutes ago that it fires", "firing", [post(5, "firing")], 305],
  ["a webhook said longer ago that it fires", "was-firing", [post(5, "firing")], 306],
  ["Alertmanager listed it and has been silent for longer", "was-firing", [listed(5), silent(305)], 306],
  ["a webhook said long ago that it is resolved", "resolved", [post(5, "resolved")], 3600]
]

describe("the status of an alert", () => {
  for (const [situation, expected, statements, atSecond] of rows) {
    it(`is ${expected} where ${situation}`, () => {
      assert.strictEqual(statusAfter(statements, atSecond), expected)
    })
  }
})

describe("the status of an alert where Alertmanager responds and two minutes of quiet count", () => {
  const lookback = { actedAtMs: 0, steadyMs: 10_000, quietMs: 120_000 }
  const status = (statements: ReadonlyArray<Statement>, atSecond: number) =>
    statusOf(
      statements.reduce((evidence, statement) => hear(evidence, statement, lookback), unheard),
      atSecond * 1000,
      lookback
    )
  const quiet: ReadonlyArray<readonly [situation: string, AlertStatus, ReadonlyArray<Statement>, atSecond: number]> = [
    ["a webhook resolved it two minutes ago", "resolved", [absent(2), post(5, "resolved"), absent(125)], 125],
    ["a webhook resolved it less than two minutes ago", "ending", [absent(2), post(5, "resolved"), absent(124)], 124],
    ["it is listed no more since two minutes", "resolved", [listed(0), absent(2), absent(122)], 122],
    ["it is listed no more for less", "firing", [listed(0), absent(2), absent(121)], 121],
    ["it was never listed, for two minutes", "unknown", [absent(0), absent(120)], 120],
    ["it was never listed, for less", "ending", [absent(0), absent(119)], 119],
    ["it was listed in between", "firing", [absent(0), listed(60), absent(125)], 125],
    ["only a webhook spoke, ten seconds ago", "resolved", [silent(0), post(5, "resolved")], 15]
  ]
  for (const [situation, expected, statements, atSecond] of quiet) {
    it(`is ${expected} where ${situation}`, () => {
      assert.strictEqual(status(statements, atSecond), expected)
    })
  }
})

const at = (second: number): string => new Date(1_800_000_000_000 + second * 1000).toISOString()

const posts: ReadonlyArray<
  readonly [situation: string, says: ReadonlyArray<string>, now: AlertPosts, before?: AlertPosts]
> = [
  ["nothing was received", [], {}],
  ["the alert fired before the action", [], { firingAt: at(-1) }],
  ["the alert fired after the action", ["firing"], { firingAt: at(1) }],
  ["the alert ended before the action", [], { resolvedAt: at(-1) }],
  ["the alert ended after the action", ["resolved"], { resolvedAt: at(1) }],
  ["the alert ended and fired again", ["firing"], { firingAt: at(2) }, { resolvedAt: at(1) }],
  ["the alert fired again and ended", ["firing", "resolved"], { firingAt: at(1), resolvedAt: at(2) }],
  ["an alert that joined fired before the action", [], { joinedAt: at(-1) }],
  ["an alert that joined fired after the action", ["firing"], { joinedAt: at(1) }],
  ["a graver alert that joined fired before the action", ["firing"], { joinedAt: at(-1), graverJoined: true }],
  ["it was not heard again", [], { joinedAt: at(1) }, { joinedAt: at(1) }],
  ["it fired again", ["firing"], { joinedAt: at(2) }, { joinedAt: at(1) }],
  ["nothing new was received", [], { firingAt: at(1), resolvedAt: at(2) }, { firingAt: at(1), resolvedAt: at(2) }],
  ["one more firing post was received", ["firing"], { firingAt: at(9) }, { firingAt: at(1) }],
  ["the wall clock was set back before a firing post", ["firing"], { firingAt: at(-3600) }, { firingAt: at(1) }],
  [
    "it ended, fired again and ended since the last look",
    ["resolved", "firing", "resolved"],
    { firingAt: at(2), againAt: at(2), resolvedAt: at(3) },
    { firingAt: at(-1) }
  ],
  [
    "it fired again and ended since it was last known to have ended",
    ["resolved", "firing", "resolved"],
    { firingAt: at(2), againAt: at(2), resolvedAt: at(3) },
    { firingAt: at(-1), resolvedAt: at(1) }
  ],
  [
    "it fired again after the action, and a process before this one heard it",
    ["resolved", "firing", "resolved"],
    { firingAt: at(2), againAt: at(2), resolvedAt: at(3) }
  ],
  [
    "it fired again before the action, and ended after it",
    ["resolved"],
    { firingAt: at(-2), againAt: at(-2), resolvedAt: at(3) }
  ],
  ["the resolution was refuted", ["firing"], {}, { resolvedAt: at(2) }],
  ["the resolution of an earlier episode arrives late", [], { resolvedAt: at(-9) }, {}],
  [
    "the alert ended before the action, and its resolution was received after it",
    [],
    { resolvedAt: at(-600), resolvedHeardAt: at(2) },
    {}
  ],
  [
    "the sender's clock is fast, and its resolution was received before the action",
    [],
    { resolvedAt: at(600), resolvedHeardAt: at(-2) }
  ],
  [
    "the sender's clock is fast, and a process before this one received its resolution after the action",
    ["resolved"],
    { resolvedAt: at(600), resolvedHeardAt: at(2) }
  ],
  [
    "our own clock was set back before the resolution was received",
    ["resolved"],
    { resolvedAt: at(2), resolvedHeardAt: at(-3600) },
    {}
  ]
]

describe("the statements in the posts of webhooks", () => {
  for (const [situation, expected, now, before] of posts) {
    it(`are [${expected.join(", ")}] where ${situation}`, () => {
      assert.deepStrictEqual<ReadonlyArray<unknown>>(
        statementsIn(now, before, { actedAt: at(0), atMs: 7 }).flatMap(({ by, says }) =>
          by === "joined" && says === "resolved" ? [] : [says]
        ),
        expected
      )
    })
  }
})
