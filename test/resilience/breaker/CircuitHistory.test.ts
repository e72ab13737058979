/** Properties of a circuit that hold after any history. */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Machine from "../../../src/resilience/breaker/Circuit.ts"
import { defaults as settings } from "../../../src/resilience/breaker/CircuitSettings.ts"

type Circuit = Machine.Circuit
type CircuitEvent = Machine.CircuitEvent
type Tag = Circuit["_tag"]

const nowMs = 1_000_000

const ended = (outcome: Machine.Outcome, admittedIn: number): CircuitEvent => ({
  _tag: "Ended",
  generation: admittedIn,
  probe: 0,
  outcome,
  durationMs: 5
})

const legal: Record<Tag, ReadonlyArray<Tag>> = {
  Closed: ["Open", "Suspended"],
  Open: ["HalfOpen"],
  HalfOpen: ["Open", "Closed", "Suspended"],
  Isolated: ["HalfOpen"],
  ForcedClosed: ["Closed"],
  Suspended: ["Suspended", "Closed", "HalfOpen"]
}

const Step = Schema.Struct({
  kind: Schema.Literals(["call", "call", "call", "end", "end", "end", "late", "isolate", "force", "auto", "read"]),
  suspends: Schema.Boolean,
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
            : {
                _tag: "Ended",
                ...picked,
                outcome: happening.outcome,
                durationMs: 5,
                ...(happening.suspends && happening.outcome === "failure"
                  ? { suspension: { reason: "out-of-money" } }
                  : {})
              }
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
    "no more probes hold permits than allowed while no call of no use has held up others, and only calls in flight hold one",
    [History],
    ([history]) =>
      Effect.sync(() => {
        play(history, (_before, _event, [after], inFlight) => {
          if (after._tag === "Suspended" && after.trial !== undefined)
            assert.isTrue(inFlight.some((call) => call.probe === after.trial?.probe))
          if (after._tag !== "HalfOpen") return
          if (after.heldUpMs === 0) assert.isAtMost(after.permits.length, settings.halfOpenPermits)
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
        // The longest bound: a suspension, or a trial's lease. An isolation takes at most 10 s here.
        const [, effects] = Machine.step(circuit, { _tag: "Call" }, settings, atMs + settings.longestSuspensionMs)
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
          circuit = Machine.step(
            circuit,
            { ...ended("success", 0), probe: undefined } as CircuitEvent,
            settings,
            atMs
          )[0]
          if (circuit._tag === "Closed") assert.isAtMost(circuit.window.past.length, 60)
        }
      })
  )
})
