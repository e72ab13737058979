import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import {
  type Claimant,
  horizonMs,
  inTurn,
  levelOf,
  precedence,
  scopesOf,
  type Spending,
  turnOf
} from "../../src/decision/BlastRadius.ts"
import {
  type Budget,
  clusterBudget,
  conflictIn,
  ofWindow,
  waitInForce
} from "../../src/decision/BlastRadiusSettings.ts"
import { defaults, type GuardrailSettings } from "../../src/decision/GuardrailSettings.ts"
import { Severity } from "../../src/domain/Alert.ts"
import { targetKey } from "../../src/domain/Target.ts"
import { fromMillis, toMillis } from "../../src/domain/Timestamp.ts"

const minuteMs = 60_000
const nowMs = 1_000 * minuteMs

const budgetOf = (burst: number, minutes: number): Budget => ({ burst, refill: Duration.minutes(minutes) })

const settings = (change: Partial<GuardrailSettings["blastRadius"]> = {}): GuardrailSettings => ({
  ...defaults,
  blastRadius: { ...defaults.blastRadius, ...change }
})

const keyOf = (name: string, namespace = "shop") => targetKey({ cluster: "test", namespace, kind: "Deployment", name })

const claimant = (name: string, change: Partial<Claimant> = {}): Claimant => ({
  id: name,
  target: keyOf(name),
  severity: "warning",
  sinceMs: nowMs,
  backOff: 0,
  pools: [],
  ...change
})

/** Actions on targets of the namespace, so many minutes ago. */
const spending = (
  minutesAgo: ReadonlyArray<number>,
  namespace = "shop",
  pools: ReadonlyArray<string> = []
): Spending => ({
  sinceMs: nowMs - horizonMs(defaults),
  spent: minutesAgo.map((minutes, index) => ({
    target: keyOf(`other-${index}`, namespace),
    at: fromMillis(nowMs - minutes * minuteMs),
    pools
  }))
})

const now = (count: number): ReadonlyArray<number> => Array.from({ length: count }, () => 0)

const told = (
  me: Claimant,
  spent: Spending,
  given: GuardrailSettings = defaults,
  waiting: ReadonlyArray<Claimant> = []
) => {
  const turn = turnOf(me, waiting, spent, given, nowMs)
  return turn._tag === "Granted" ? "granted" : turn.scopes.map(({ name }) => name).join()
}

describe("a budget", () => {
  const two = settings({ namespace: budgetOf(2, 1), cluster: budgetOf(3, 1) })
  const table: ReadonlyArray<readonly [claim: string, expected: string, turn: string]> = [
    ["nothing was done, so an action starts", "granted", told(claimant("a"), spending([]), two)],
    ["one token is left", "granted", told(claimant("a"), spending(now(1)), two)],
    ["the namespace has used both", "namespace shop", told(claimant("a"), spending(now(2)), two)],
    ["a token has come back", "granted", told(claimant("a"), spending([1, 1]), two)],
    ["a token comes back after a minute, not before", "namespace shop", told(claimant("a"), spending([0.9, 0.9]), two)],
    ["another namespace has its own", "granted", told(claimant("a"), spending(now(2), "other"), two)],
    ["the cluster has used its three", "the cluster", told(claimant("a"), spending(now(3), "other"), two)],
    [
      "an object of the cluster falls under no namespace",
      "granted",
      told(claimant("n", { target: keyOf("n", "") }), spending(now(2)), two)
    ],
    [
      "a target has its own",
      "the target",
      told(claimant("a", { target: keyOf("other-0") }), spending(now(1)), settings({ target: budgetOf(1, 10) }))
    ],
    [
      "a pool has its own",
      "pool blue",
      told(claimant("a", { pools: ["blue"] }), spending(now(1), "x", ["blue"]), settings({ pool: budgetOf(1, 10) }))
    ],
    [
      "another pool is not concerned",
      "granted",
      told(claimant("a", { pools: ["red"] }), spending(now(1), "x", ["blue"]), settings({ pool: budgetOf(1, 10) }))
    ],
    [
      "a node of a pool of one can be repaired",
      "granted",
      told(claimant("a", { pools: ["blue"], poolSize: 1 }), spending([], "x"))
    ],
    [
      "of a pool of eight, two nodes at once",
      "pool blue",
      told(claimant("a", { pools: ["blue"], poolSize: 8 }), spending(now(2), "x", ["blue"]))
    ]
  ]
  it.each(table)("%s (%s)", (_claim, expected, turn) => {
    assert.strictEqual(turn, expected)
  })

  it("keeps a quarter for critical alerts", () => {
    const spent = spending(now(8))
    assert.strictEqual(told(claimant("a"), spent), "namespace shop")
    assert.strictEqual(told(claimant("a", { severity: "critical" }), spent), "granted")
  })

  it("is empty and owes nothing after a person has approved more than it held", () => {
    const shop = { burst: 2, refillMs: minuteMs }
    assert.strictEqual(
      levelOf(
        shop,
        [1, 2, 3, 4, 5].map(() => nowMs),
        nowMs - 60 * minuteMs,
        nowMs
      ).filledMs,
      0
    )
    const later = nowMs + 2 * minuteMs
    assert.strictEqual(
      levelOf(
        shop,
        [1, 2, 3, 4, 5].map(() => nowMs),
        nowMs - 60 * minuteMs,
        later
      ).filledMs,
      2 * minuteMs
    )
  })

  it("counts an action of a clock that was set back since as one of now", () => {
    assert.strictEqual(
      told(claimant("a"), spending([-60, -60]), settings({ namespace: budgetOf(2, 1) })),
      "namespace shop"
    )
  })
})

describe("an action that may still be written", () => {
  const unfinished = (minutesAgo: ReadonlyArray<number>): Spending => {
    const { sinceMs, spent } = spending(minutesAgo)
    return { sinceMs, spent: spent.map((each) => ({ ...each, unfinished: true as const })) }
  }
  const two = settings({ namespace: budgetOf(2, 4) })
  const granted = (of: Spending, atMs: number) => turnOf(claimant("me"), [], of, two, atMs)._tag === "Granted"

  it("has its token until its execution is recorded: two that wait for the cluster admit no third", () => {
    assert.isTrue(granted(spending([9, 9]), nowMs))
    assert.isFalse(granted(unfinished([9, 9]), nowMs))
    assert.isTrue(granted(unfinished([9]), nowMs))
  })

  it("gives it back at last, when its intent has expired", () => {
    assert.isFalse(granted(unfinished([10, 10]), nowMs + 3 * minuteMs))
    assert.isTrue(granted(unfinished([10, 10]), nowMs + 4 * minuteMs))
  })
})

describe("the order of turns", () => {
  const orderOf = (...claimants: ReadonlyArray<Claimant>) => [...claimants].sort(inTurn(nowMs)).map(({ id }) => id)
  const ago = (minutes: number) => ({ sinceMs: nowMs - minutes * minuteMs })

  it.each([
    ["a critical alert goes before a warning that is four minutes older", "c,w", 4],
    ["a warning that is six minutes older goes before a critical alert", "w,c", 6]
  ] as const)("%s", (_claim, expected, minutes) => {
    assert.strictEqual(orderOf(claimant("w", ago(minutes)), claimant("c", { severity: "critical" })).join(), expected)
  })

  it("a target on which nothing helps goes after the others", () => {
    assert.deepStrictEqual(orderOf(claimant("useless", { ...ago(4), backOff: 1 }), claimant("fresh")), [
      "fresh",
      "useless"
    ])
  })

  it("who waits for another budget holds nobody up", () => {
    const first = claimant("first", { ...ago(30), severity: "critical", target: keyOf("first", "other") })
    const given = settings({ namespace: budgetOf(1, 10) })
    const spent = spending(now(1), "other")
    assert.strictEqual(told(first, spent, given), "namespace other")
    assert.strictEqual(told(claimant("a"), spent, given, [first]), "granted")
  })

  it("the last token is of the one who goes first, even before it has started", () => {
    const given = settings({ namespace: budgetOf(1, 10) })
    const first = claimant("first", ago(3))
    assert.strictEqual(told(claimant("a"), spending([]), given, [first]), "namespace shop")
    assert.strictEqual(told(first, spending([]), given, [claimant("a")]), "granted")
  })
})

describe("the settings of the blast radius", () => {
  it("the earlier setting stands for a budget that never exceeds its limit in a window", () => {
    const given = { ...defaults, actionsPerWindow: { limit: 7, window: Duration.minutes(9) } }
    assert.deepStrictEqual(clusterBudget(given), { burst: 4, refill: Duration.minutes(3) })
    assert.deepStrictEqual(ofWindow({ limit: 1, window: Duration.minutes(10) }), budgetOf(1, 10))
    assert.strictEqual(clusterBudget(defaults).burst, 20)
  })

  it("both forms at once are refused, as is a wait that outlives the proposal", () => {
    const both = {
      ...settings({ cluster: budgetOf(1, 1) }),
      actionsPerWindow: { limit: 7, window: Duration.minutes(9) }
    }
    assert.match(conflictIn(both) ?? "", /actionsPerWindow is the earlier form of blastRadius\.cluster/)
    assert.match(
      conflictIn(settings({ wait: Duration.minutes(15) })) ?? "",
      /expected less than answerLifetime \(15m\)/
    )
    assert.isUndefined(conflictIn(settings({ wait: Duration.minutes(14) })))
    assert.isUndefined(conflictIn(defaults))
  })

  it("without a setting, an action waits for less than its proposal lives", () => {
    assert.strictEqual(Duration.toMinutes(waitInForce(defaults)), 10)
    assert.strictEqual(Duration.toMinutes(waitInForce({ ...defaults, answerLifetime: Duration.minutes(3) })), 2)
  })
})

const Arrivals = Schema.Struct({
  burst: Schema.Literals([1, 2, 3, 4, 10]),
  refillMinutes: Schema.Literals([1, 2, 5]),
  /** Minutes between two that ask. */
  gaps: Schema.Array(Schema.Literals([0, 0.2, 0.5, 1, 3, 20])).check(Schema.isMaxLength(60)),
  approved: Schema.Array(Schema.Boolean).check(Schema.isMaxLength(60))
})

describe("whatever arrives", () => {
  /** Lets everything start whose turn it is, with no more of the history than is read. */
  const started = ({ approved, burst, gaps, refillMinutes }: typeof Arrivals.Type) => {
    const given = settings({
      target: budgetOf(100, 1),
      namespace: budgetOf(burst, refillMinutes),
      cluster: budgetOf(100, 1)
    })
    const spent: Array<Spending["spent"][number]> = []
    const automatic: Array<number> = []
    let atMs = nowMs
    gaps.forEach((gap, index) => {
      atMs += gap * minuteMs
      const sinceMs = atMs - 2 * burst * refillMinutes * minuteMs
      const me = claimant(`a${index}`, { severity: "critical", sinceMs: atMs })
      const known = spent.filter(({ at }) => toMillis(at) >= sinceMs)
      const turn = turnOf(me, [], { spent: known, sinceMs }, given, atMs)
      const isApproved = approved[index] === true
      if (turn._tag === "Wait" && !isApproved) return
      spent.push({ target: me.target, at: fromMillis(atMs), pools: [] })
      if (!isApproved) automatic.push(atMs)
    })
    return automatic
  }

  it.prop("no window has more automatic actions than the budget", [Arrivals], ([arrivals]) => {
    const times = started(arrivals)
    const refillMs = arrivals.refillMinutes * minuteMs
    times.forEach((from, first) =>
      times.slice(first).forEach((until, index) => {
        assert.isAtMost(index + 1, arrivals.burst + (until - from) / refillMs)
      })
    )
  })

  it.prop(
    "a bucket that nobody uses is full after burst times refill",
    [Arrivals],
    ([{ burst, gaps, refillMinutes }]) => {
      const refillMs = refillMinutes * minuteMs
      let atMs = nowMs
      const times = gaps.map((gap) => (atMs += gap * minuteMs))
      const fullMs = atMs + burst * refillMs
      assert.strictEqual(levelOf({ burst, refillMs }, times, nowMs, fullMs).filledMs, burst * refillMs)
    }
  )
})

const Waiting = Schema.Struct({
  severity: Severity,
  minutes: Schema.Literals([0, 1, 4, 5, 9, 30]),
  backOff: Schema.Literals([0, 1, 3])
})

describe("an action that waits", () => {
  const all = (waiting: ReadonlyArray<typeof Waiting.Type>) =>
    waiting.map(({ backOff, minutes, severity }, index) =>
      claimant(`a${index}`, { backOff, severity, sinceMs: nowMs - minutes * minuteMs })
    )
  const Several = Schema.Array(Waiting).check(Schema.isMaxLength(12))

  it.prop("the order is total and does not depend on how they are listed", [Several], ([waiting]) => {
    const claimants = all(waiting)
    const order = [...claimants].sort(inTurn(nowMs)).map(({ id }) => id)
    assert.deepStrictEqual(
      claimants
        .toReversed()
        .sort(inTurn(nowMs))
        .map(({ id }) => id),
      order
    )
    for (const left of claimants)
      for (const right of claimants) assert.strictEqual(inTurn(nowMs)(left, right) === 0, left.id === right.id)
  })

  it.prop("somebody starts whenever a token is there for the first", [Several], ([waiting]) => {
    const claimants = all(waiting)
    if (claimants.length === 0) return
    const granted = claimants.filter(
      (each) => turnOf(each, claimants, spending([]), defaults, nowMs)._tag === "Granted"
    )
    assert.include(
      granted.map(({ id }) => id),
      [...claimants].sort(inTurn(nowMs))[0]?.id
    )
  })

  it.prop("nobody starves: each one's turn comes while new alerts arrive every minute", [Waiting], ([first]) => {
    const given = settings({ namespace: budgetOf(1, 1) })
    const me = all([first])[0]!
    // Each minute one token comes back, and one more critical alert asks.
    for (let minute = 0, waiting: ReadonlyArray<Claimant> = []; minute < 90; minute++) {
      const atMs = nowMs + minute * minuteMs
      waiting = [...waiting, claimant(`new-${minute}`, { severity: "critical", sinceMs: atMs })]
      const next = [...waiting, me].sort(inTurn(atMs))[0]!
      if (next.id === me.id) return
      const turn = turnOf(next, [...waiting, me], spending([]), given, atMs)
      assert.strictEqual(turn._tag, "Granted")
      waiting = waiting.filter(({ id }) => id !== next.id)
    }
    assert.fail(`${me.severity} with precedence ${precedence(me, nowMs)} waits after 90 minutes`)
  })

  it.prop("a critical alert goes before every warning that is less than five minutes older", [Waiting], ([other]) => {
    if (other.severity === "critical" || other.minutes >= 5) return
    const [warning] = all([other])
    assert.isBelow(inTurn(nowMs)(claimant("critical", { severity: "critical" }), warning!), 0)
  })

  it.prop("it is told a time after which nothing is missing", [Waiting], ([waiting]) => {
    const me = { ...all([waiting])[0]!, severity: "critical" as const }
    const spent = spending(now(10))
    const turn = turnOf(me, [], spent, defaults, nowMs)
    assert.strictEqual(turn._tag, "Wait")
    if (turn._tag === "Wait") assert.strictEqual(turnOf(me, [], spent, defaults, nowMs + turn.forMs)._tag, "Granted")
  })

  it("scopes of an action name its target, namespace, pools and the cluster", () => {
    assert.deepStrictEqual(
      scopesOf(claimant("a", { pools: ["blue"] }), defaults).map(({ name }) => name),
      ["the target", "namespace shop", "pool blue", "the cluster"]
    )
  })
})
