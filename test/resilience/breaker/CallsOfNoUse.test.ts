/** Calls of no use in a half-open circuit: the peer responds to them, and they show nothing else. */

import { assert, describe, it } from "@effect/vitest"
import * as Machine from "../../../src/resilience/breaker/Circuit.ts"
import { resolve } from "../../../src/resilience/breaker/CircuitSettings.ts"

const settings = resolve({})
const endMs = 30_000
const aCall = { _tag: "Call" } as const

const fold = (circuit: Machine.Circuit, events: ReadonlyArray<Machine.CircuitEvent>, atMs: number) =>
  events.reduce((state, event) => Machine.step(state, event, settings, atMs)[0], circuit)

const half = fold(fold(Machine.initial, [{ _tag: "Trip", reason: "of-no-use" }], 0), [{ _tag: "Read" }], endMs)

const ended = (probe: number | undefined, outcome: Machine.Outcome, durationMs: number): Machine.CircuitEvent => ({
  _tag: "Ended",
  generation: half.generation,
  probe,
  outcome,
  durationMs
})

/** The circuit after so many rounds, in which calls take all permits, others come, and the calls end. */
const rounds = (
  count: number,
  lastsMs: number,
  { others, outcome }: { readonly others: number; readonly outcome: Machine.Outcome }
) => {
  let state = half
  for (let round = 0; round < count; round++) {
    const atMs = endMs + round * lastsMs
    const probes: Array<number | undefined> = []
    for (let call = 0; call < settings.halfOpenPermits + others; call++) {
      const [next, effects] = Machine.step(state, aCall, settings, atMs)
      state = next
      for (const effect of effects) if (effect._tag === "Admitted") probes.push(effect.probe)
    }
    const ends = probes.map((probe) => ended(probe, outcome, lastsMs))
    state = fold(state, ends, atMs + lastsMs)
  }
  return state
}
/** How many of 20 calls are admitted. */
const admitted = (state: Machine.Circuit) => {
  let current = state
  let count = 0
  for (let call = 0; call < 20; call++) {
    const [next, effects] = Machine.step(current, aCall, settings, endMs + 3_600_000)
    current = next
    if (effects.some(({ _tag }) => _tag === "Admitted")) count++
  }
  return count
}

describe("a half-open circuit", () => {
  it("admits every call when calls of no use have held up others for ten seconds, however short each was", () => {
    for (const outcome of ["responded", "served"] as const)
      for (const lastsMs of [200, 1000, 5000, 10_000]) {
        const count = 10_000 / lastsMs
        assert.strictEqual(admitted(rounds(count - 1, lastsMs, { others: 1, outcome })), 3, `${lastsMs}`)
        assert.strictEqual(admitted(rounds(count, lastsMs, { others: 1, outcome })), 20, `${lastsMs}`)
      }
  })

  it("counts no call that held up nobody, and no ignored one", () => {
    assert.strictEqual(admitted(rounds(30, 20_000, { others: 0, outcome: "responded" })), 3)
    assert.strictEqual(admitted(rounds(30, 20_000, { others: 1, outcome: "ignored" })), 3)
  })

  it("stays half-open then, and is closed by three successes and opened by one failure", () => {
    const wide = rounds(1, 10_000, { others: 1, outcome: "responded" })
    const [success, failure] = (["success", "failure"] as const).map((outcome) => ended(99, outcome, 5))
    assert.strictEqual(wide._tag, "HalfOpen")
    assert.strictEqual(fold(wide, [success!, success!], endMs + 10_000)._tag, "HalfOpen")
    assert.strictEqual(fold(wide, [success!, success!, success!], endMs + 10_000)._tag, "Closed")
    assert.strictEqual(fold(wide, [failure!], endMs + 10_000)._tag, "Open")
  })
})
