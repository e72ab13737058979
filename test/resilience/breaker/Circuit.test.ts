import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
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
    permits: [{ probe: 0, untilMs: endMs }],
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
  }
}

const ended = (outcome: Machine.Outcome, admittedIn: number): CircuitEvent => ({
  _tag: "Ended",
  generation: admittedIn,
  probe: 0,
  outcome,
  durationMs: 5
})

const events = {
  "a call": { _tag: "Call" },
  "a success": ended("success", generation),
  "a failure": ended("failure", generation),
  "an ignored outcome": ended("ignored", generation),
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
  "a call": { Closed: runs, Open: rejects, HalfOpen: ["~", "Admitted"], Isolated: rejects, ForcedClosed: runs },
  "a success": { Closed: counts, Open: nothing, HalfOpen: counts, Isolated: nothing, ForcedClosed: counts },
  "a failure": { Closed: to("Open"), Open: nothing, HalfOpen: to("Open"), Isolated: nothing, ForcedClosed: counts },
  "an ignored outcome": { Closed: nothing, Open: nothing, HalfOpen: counts, Isolated: nothing, ForcedClosed: nothing },
  "a late success": { Closed: nothing, Open: nothing, HalfOpen: nothing, Isolated: nothing, ForcedClosed: nothing },
  "a late failure": { Closed: nothing, Open: nothing, HalfOpen: nothing, Isolated: nothing, ForcedClosed: nothing },
  "a late ignored outcome": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: nothing,
    ForcedClosed: nothing
  },
  "an isolation": {
    Closed: to("Isolated"),
    Open: to("Isolated"),
    HalfOpen: to("Isolated"),
    Isolated: to("Isolated"),
    ForcedClosed: to("Isolated")
  },
  "a forced closing": {
    Closed: to("ForcedClosed"),
    Open: to("ForcedClosed"),
    HalfOpen: to("ForcedClosed"),
    Isolated: to("ForcedClosed"),
    ForcedClosed: to("ForcedClosed")
  },
  "a return to automatic control": {
    Closed: nothing,
    Open: nothing,
    HalfOpen: nothing,
    Isolated: to("HalfOpen"),
    ForcedClosed: to("Closed")
  },
  "a read": { Closed: nothing, Open: nothing, HalfOpen: nothing, Isolated: nothing, ForcedClosed: nothing }
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

// -- properties of any history ---------------------------------------------

const legal: Record<Tag, ReadonlyArray<Tag>> = {
  Closed: ["Open"],
  Open: ["HalfOpen"],
  HalfOpen: ["Open", "Closed"],
  Isolated: ["HalfOpen"],
  ForcedClosed: ["Closed"]
}

const Step = Schema.Struct({
  kind: Schema.Literals(["call", "call", "call", "end", "end", "end", "late", "isolate", "force", "auto", "read"]),
  outcome: Schema.Literals(["success", "failure", "failure", "ignored"]),
  waitMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40_000 })),
  pick: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
})
const History = Schema.Array(Step).check(Schema.isMaxLength(80))

interface Call {
  readonly generation: number
  readonly probe: number | undefined
}

/** Plays a history and calls `check` at each step. */
const play = (
  history: typeof History.Type,
  check: (before: Circuit, event: CircuitEvent, step: Machine.Step, inFlight: ReadonlyArray<Call>, atMs: number) => void
): { readonly circuit: Circuit; readonly atMs: number } => {
  let circuit: Circuit = Machine.initial
  let atMs = nowMs
  let inFlight: ReadonlyArray<Call> = []
  for (const happening of history) {
    atMs += happening.waitMs
    const picked = inFlight[happening.pick % Math.max(1, inFlight.length)]
    const event = ((): CircuitEvent => {
      switch (happening.kind) {
        case "call":
          return { _tag: "Call" }
        case "end":
          return picked === undefined
            ? { _tag: "Read" }
            : { _tag: "Ended", ...picked, outcome: happening.outcome, durationMs: 5 }
        case "late":
          return { ...ended(happening.outcome, circuit.generation - 1 - happening.pick) } as CircuitEvent
        case "isolate":
          return { _tag: "Isolate", forMs: 1 + happening.pick * 100, reason: "drill" }
        case "force":
          return { _tag: "ForceClosed", forMs: 1 + happening.pick * 100, reason: "drill" }
        case "auto":
          return { _tag: "Auto", reason: "done" }
        case "read":
          return { _tag: "Read" }
      }
    })()
    const step = Machine.step(circuit, event, settings, atMs)
    if (happening.kind === "end") inFlight = inFlight.filter((call) => call !== picked)
    for (const effect of step[1]) {
      if (effect._tag === "Admitted") inFlight = [...inFlight, { generation: effect.generation, probe: effect.probe }]
    }
    check(circuit, event, step, inFlight, atMs)
    circuit = step[0]
  }
  return { circuit, atMs }
}

describe("properties of any history", () => {
  it.effect.prop(
    "all transitions are legal, each starts a new generation, and only operators can skip states",
    [History],
    ([history]) =>
      Effect.sync(() => {
        play(history, (before, event, [after, effects]) => {
          let tag = before._tag
          let generation = before.generation
          for (const effect of effects) {
            if (effect._tag !== "Transitioned") continue
            assert.strictEqual(effect.from, tag)
            assert.strictEqual(effect.generation, ++generation)
            if (event._tag === "Isolate" || event._tag === "ForceClosed") {
              assert.isTrue(effect.cause === "operator" || legal[tag].includes(effect.to))
            } else {
              assert.isTrue(legal[tag].includes(effect.to), `${tag} to ${effect.to}`)
            }
            tag = effect.to
          }
          assert.strictEqual(after._tag, tag)
          assert.strictEqual(after.generation, generation)
        })
      })
  )

  it.effect.prop("an outcome of an earlier generation has no effect", [History], ([history]) =>
    Effect.sync(() => {
      play(history, (before, event, [after], _inFlight, atMs) => {
        if (event._tag !== "Ended") return
        const current = Machine.step(before, { _tag: "Read" }, settings, atMs)[0]
        if (event.generation !== current.generation) assert.deepStrictEqual(after, current)
      })
    })
  )

  it.effect.prop(
    "no more probes hold permits than allowed, and only calls in flight hold one",
    [History],
    ([history]) =>
      Effect.sync(() => {
        play(history, (_before, _event, [after], inFlight) => {
          if (after._tag !== "HalfOpen") return
          assert.isAtMost(after.permits.length, settings.halfOpenPermits)
          for (const permit of after.permits) {
            assert.isTrue(inFlight.some((call) => call.generation === after.generation && call.probe === permit.probe))
          }
        })
      })
  )

  it.effect.prop(
    "no state is permanent: after any history a call is admitted in bounded time",
    [History],
    ([history]) =>
      Effect.sync(() => {
        const { atMs, circuit } = play(history, () => undefined)
        // The longest bound: a probe's lease. An isolation takes at most 10 s here, and the open time is 30 s.
        const [, effects] = Machine.step(circuit, { _tag: "Call" }, settings, atMs + settings.probeLeaseMs)
        assert.strictEqual(effects.at(-1)?._tag, "Admitted")
      })
  )

  it.effect.prop(
    "a window never holds more than 60 old buckets",
    [
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3000 }))).check(
        Schema.isMinLength(50),
        Schema.isMaxLength(200)
      )
    ],
    ([waits]) =>
      Effect.sync(() => {
        let circuit: Circuit = Machine.initial
        let atMs = nowMs
        for (const waitMs of waits) {
          atMs += waitMs
          circuit = fold(circuit, outcomes("success"), settings, atMs)
          if (circuit._tag === "Closed") assert.isAtMost(circuit.window.past.length, 60)
        }
      })
  )
})
