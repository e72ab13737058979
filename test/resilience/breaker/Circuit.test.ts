import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../../src/resilience/breaker/Circuit.ts"
import { defaults, type Resolved, resolve } from "../../../src/resilience/breaker/CircuitSettings.ts"
import * as RollingWindow from "../../../src/resilience/breaker/RollingWindow.ts"

type Circuit = Machine.Circuit
type CircuitEvent = Machine.CircuitEvent
type Tag = Circuit["_tag"]

const settings = defaults
const nowMs = 1_000_000
const endMs = nowMs + 10_000
const generation = 7

const emptyWindow = RollingWindow.empty
const states: Record<Tag, Circuit> = {
  Closed: { _tag: "Closed", generation, failuresInARow: 4, window: emptyWindow },
  Open: { _tag: "Open", generation, untilMs: endMs },
  HalfOpen: {
    _tag: "HalfOpen",
    generation,
    successesInARow: 1,
    isProven: false,
    permits: [{ probe: 0, sinceMs: endMs - 60_000, untilMs: endMs }],
    rejectedMs: -Infinity,
    heldUpMs: 0,
    nextProbe: 1
  },
  Isolated: { _tag: "Isolated", generation, untilMs: endMs, reason: "upgrade" },
  ForcedClosed: {
    _tag: "ForcedClosed",
    generation,
    untilMs: endMs,
    reason: "it lies",
    failuresInARow: 4,
    window: emptyWindow
  },
  // Its time is over, and a trial is under way.
  Suspended: {
    _tag: "Suspended",
    generation,
    untilMs: nowMs - 1000,
    reason: "out-of-money",
    times: 2,
    trial: { probe: 0, sinceMs: endMs - 60_000, untilMs: endMs },
    nextProbe: 1
  }
}

const ended = (outcome: Machine.Outcome, admittedIn: number, durationMs = 5): CircuitEvent => ({
  _tag: "Ended",
  generation: admittedIn,
  probe: 0,
  outcome,
  durationMs
})

const events = {
  "a call": { _tag: "Call" },
  "a success": ended("success", generation),
  "a failure": ended("failure", generation),
  "an ignored outcome": ended("ignored", generation),
  "an outcome of no use": ended("responded", generation, 5000),
  "an outcome of no use that was served": ended("served", generation, 5000),
  "a late one that was served": ended("served", generation - 1),
  "a failure that suspends": {
    ...ended("failure", generation),
    suspension: { reason: "out-of-money" }
  } as CircuitEvent,
  "a trip": { _tag: "Trip", reason: "of-no-use" },
  "a suspension from elsewhere": { _tag: "Suspend", forMs: 60_000, reason: "wrong-key", times: 1 },
  "the end of a suspension elsewhere": { _tag: "Resume" },
  "a late success": ended("success", generation - 1),
  "a late failure": ended("failure", generation - 1),
  "a late ignored outcome": ended("ignored", generation - 1),
  "an isolation": { _tag: "Isolate", forMs: 60_000, reason: "drill" },
  "a forced closing": { _tag: "ForceClosed", forMs: 60_000, reason: "drill" },
  "a return to automatic control": { _tag: "Auto", reason: "done" },
  "a read": { _tag: "Read" }
} as const satisfies Record<string, CircuitEvent>

// The next state and the effects. `=`: the same object. `~`: the same state with other counters.
const runs = ["=", "Admitted"] as const
const rejects = ["=", "Rejected"] as const
const nothing = ["="] as const
const counts = ["~"] as const
const to = (tag: Tag) => [tag, "Transitioned"] as const
const table: Record<keyof typeof events, Record<Tag, ReadonlyArray<string>>> = {
  "a call": {
    Closed: runs,
    Open: rejects,
    HalfOpen: ["~", "Admitted"],
    Isolated: rejects,
    ForcedClosed: runs,
    Suspended: rejects
  },
  "a success": {
    Closed: counts,
    Open: nothing,
    HalfOpen: counts,
    Isolated: nothing,
    ForcedClosed: counts,
    Suspended: to("Closed")
  },
  "a failure": {
    Closed: to("Open"),
    Open: nothing,
    HalfOpen: to("Open"),
    Isolated: nothing,
    ForcedClosed: counts,
    Suspended: to("Suspended")
  },
  "an ignored outcome": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: counts,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: counts
  },
  "an outcome of no use": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: counts,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: counts
  },
  "an outcome of no use that was served": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: counts,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: to("Closed")
  },
  "a late one that was served": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: nothing
  },
  "a late success": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: nothing
  },
  "a late failure": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: nothing
  },
  "a late ignored outcome": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: nothing
  },
  "a failure that suspends": {
    Closed: to("Suspended"),
    Open: nothing,
    HalfOpen: to("Suspended"),
    Isolated: nothing,
    ForcedClosed: counts,
    Suspended: to("Suspended")
  },
  "a trip": {
    Closed: to("Open"),
    Open: nothing,
    HalfOpen: to("Open"),
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: nothing
  },
  "a suspension from elsewhere": {
    Closed: to("Suspended"),
    Open: to("Suspended"),
    HalfOpen: to("Suspended"),
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: to("Suspended")
  },
  "the end of a suspension elsewhere": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: to("HalfOpen")
  },
  "an isolation": {
    Closed: to("Isolated"),
    Open: to("Isolated"),
    HalfOpen: to("Isolated"),
    Isolated: to("Isolated"),
    ForcedClosed: to("Isolated"),
    Suspended: to("Isolated")
  },
  "a forced closing": {
    Closed: to("ForcedClosed"),
    Open: to("ForcedClosed"),
    HalfOpen: to("ForcedClosed"),
    Isolated: to("ForcedClosed"),
    ForcedClosed: to("ForcedClosed"),
    Suspended: to("ForcedClosed")
  },
  "a return to automatic control": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: to("HalfOpen"),
    ForcedClosed: to("Closed"),
    Suspended: to("HalfOpen")
  },
  "a read": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing,
    Suspended: nothing
  }
}

const row = (before: Circuit, [after, effects]: Machine.Step): ReadonlyArray<string> => [
  after === before ? "=" : after._tag === before._tag && after.generation === before.generation ? "~" : after._tag,
  ...effects.map((effect) => effect._tag)
]

const fold = (
  state: Circuit,
  history: ReadonlyArray<CircuitEvent>,
  with_: Resolved = settings,
  atMs = nowMs
): Circuit => history.reduce((current, event) => Machine.step(current, event, with_, atMs)[0], state)

const outcomes = (...list: ReadonlyArray<Machine.Outcome>): ReadonlyArray<CircuitEvent> =>
  list.map((outcome) => ({ _tag: "Ended", generation: 0, probe: undefined, outcome, durationMs: 5 }))

const repeat = <A>(times: number, value: A): ReadonlyArray<A> => Array.from({ length: times }, () => value)

describe("step with every state and every event", () => {
  for (const [name, event] of Object.entries(events)) {
    for (const [tag, state] of Object.entries(states) as Array<[Tag, Circuit]>) {
      const expected = table[name as keyof typeof events][tag]
      it(`${tag} and ${name}: ${expected.join(", ")}`, () => {
        const step = Machine.step(state, event, settings, nowMs)
        assert.deepStrictEqual(row(state, step), expected)
        assert.strictEqual(step[0].generation, expected.includes("Transitioned") ? generation + 1 : generation)
      })
    }
  }

  it.each([
    ["Open", "HalfOpen"],
    ["Isolated", "HalfOpen"],
    ["ForcedClosed", "Closed"]
  ] as const)("%s becomes %s when its time is up, and not a millisecond earlier", (from, to) => {
    const read = { _tag: "Read" } as const
    assert.strictEqual(Machine.step(states[from], read, settings, endMs - 1)[0], states[from])
    const [after, effects] = Machine.step(states[from], read, settings, endMs)
    assert.strictEqual(after._tag, to)
    assert.deepStrictEqual(
      effects.map((effect) => effect._tag === "Transitioned" && effect.cause),
      ["elapsed"]
    )
  })

  it("a probe that outlives its lease loses its permit, and its outcome still counts", () => {
    const [after] = Machine.step(states.HalfOpen, { _tag: "Read" }, settings, endMs)
    assert.strictEqual(after._tag === "HalfOpen" && after.permits.length, 0)
    const closed = fold(after, [ended("success", generation), ended("success", generation)], settings, endMs)
    assert.strictEqual(closed._tag, "Closed")
  })
})

describe("a circuit opens", () => {
  it("after five consecutive failures, but not after four", () => {
    assert.strictEqual(fold(Machine.initial, outcomes(...repeat(4, "failure" as const)))._tag, "Closed")
    assert.strictEqual(fold(Machine.initial, outcomes(...repeat(5, "failure" as const)))._tag, "Open")
  })

  it("a success resets the count of consecutive failures, an ignored outcome does not", () => {
    const four = repeat(4, "failure" as const)
    assert.strictEqual(fold(Machine.initial, outcomes(...four, "success", "failure"))._tag, "Closed")
    assert.strictEqual(fold(Machine.initial, outcomes(...four, "ignored", "failure"))._tag, "Open")
  })

  it("when half of ten requests failed, but not half of nine or fewer than half", () => {
    const pair = ["failure", "success"] as const
    const nine = outcomes(...repeat(4, pair).flat(), "failure")
    assert.strictEqual(fold(Machine.initial, nine)._tag, "Closed")
    assert.strictEqual(fold(Machine.initial, [...nine, ...outcomes("success")])._tag, "Open")
    assert.strictEqual(fold(Machine.initial, outcomes("success", "success", ...repeat(4, pair).flat()))._tag, "Closed")
  })

  it("failures more than 60 s ago do not count", () => {
    const old = fold(Machine.initial, outcomes("failure", "success", "failure", "failure", "failure", "failure"))
    const rest = outcomes("success", "success", "success", "failure")
    assert.strictEqual(fold(old, rest, settings, nowMs + 58_000)._tag, "Open")
    assert.strictEqual(fold(old, rest, settings, nowMs + 61_000)._tag, "Closed")
  })

  it("because of slow calls only when a rate is set", () => {
    const slow: CircuitEvent = { _tag: "Ended", generation: 0, probe: undefined, outcome: "success", durationMs: 900 }
    const strict = resolve({ slowCallDuration: "800 millis", slowCallRate: 0.6 })
    assert.strictEqual(fold(Machine.initial, repeat(20, slow))._tag, "Closed")
    const mixed = [...outcomes(...repeat(5, "success" as const)), ...repeat(7, slow)]
    assert.strictEqual(fold(Machine.initial, mixed, strict)._tag, "Closed")
    assert.strictEqual(fold(Machine.initial, [...mixed, slow], strict)._tag, "Open")
  })

  it("a slow probe counts as a failure only when a rate of slow calls is set", () => {
    const slow: CircuitEvent = { _tag: "Ended", generation, probe: 0, outcome: "success", durationMs: 900 }
    const strict = resolve({ slowCallDuration: "800 millis", slowCallRate: 0.6 })
    assert.strictEqual(Machine.step(states.HalfOpen, slow, strict, nowMs)[0]._tag, "Open")
    const lenient = resolve({ slowCallDuration: "800 millis" })
    assert.strictEqual(Machine.step(states.HalfOpen, slow, lenient, nowMs)[0]._tag, "HalfOpen")
  })

  it("an invalid setting is rejected by name", () => {
    assert.throws(() => resolve({ failureRate: 0 }), /failureRate must be above 0/)
    assert.throws(() => resolve({ consecutiveFailures: 1.5 }), /consecutiveFailures must be a whole number/)
    assert.throws(() => resolve({ openDuration: "0 seconds" }), /openMs must be above 0/)
  })
})
