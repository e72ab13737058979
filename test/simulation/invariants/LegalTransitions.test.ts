import { assert, describe, it } from "@effect/vitest"
import type { CircuitTag, TransitionCause } from "../../../src/resilience/ResilienceEvent.ts"
import { legalTransitions } from "../../../src/simulation/invariants/LegalTransitions.ts"
import type { CallEnding, Observation } from "../../../src/simulation/Observation.ts"
import { began, call, ended, watch } from "../fixtures/Watching.ts"

const moved = (from: CircuitTag, to: CircuitTag, cause: TransitionCause, breaker = "holmesgpt"): Observation =>
  ({ _tag: "BreakerMoved", breaker, from, to, cause })

const opens = moved("Closed", "Open", "consecutive-failures")
const halves = moved("Open", "HalfOpen", "elapsed")
const closes = moved("HalfOpen", "Closed", "probes-succeeded")

const whole = (ending: CallEnding): ReadonlyArray<Observation> => {
  const made = call()
  return [began(made), ended(made, ending)]
}

describe("legal-transitions", () => {
  it("takes the whole round, and reports a step that is not on it", () => {
    const round = watch(legalTransitions)
    round.at(0, opens)
    round.at(30_000, halves, ...whole("good"), ...whole("good"), ...whole("good"), closes)
    assert.deepStrictEqual(round.reports, [])
    round.at(30_001, moved("Closed", "HalfOpen", "elapsed"))
    assert.deepStrictEqual(round.reports, ["breaker holmesgpt goes from Closed to HalfOpen by elapsed"])
  })

  it("reports a breaker that leaves a state which it was not in", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, halves)
    assert.deepStrictEqual(reports, ["breaker holmesgpt says that it leaves Open, and was Closed"])
  })

  it("reports an open time below 30 s", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(29_999, halves)
    assert.deepStrictEqual(reports, ["breaker holmesgpt was open for 29999 ms only"])
  })

  it("reports a breaker that closes after two successes", () => {
    const { at, reports } = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) at(ms, ...whole("bad"))
    at(6, opens)
    at(30_006, halves, ...whole("good"), ...whole("good"), closes)
    assert.deepStrictEqual(reports, ["breaker holmesgpt closed after 2 successes"])
  })

  it("reports a call while the breaker is open, a probe too, and takes calls of others", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(10, began(call({ peer: "llm:alpha" })))
    assert.deepStrictEqual(reports, [])
    at(11, began(call({ purpose: "probe", hop: undefined })))
    assert.deepStrictEqual(reports, ["holmesgpt is called although its breaker is open"])
  })

  it("reports a fourth probe at once", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(30_000, halves, began(call()), began(call()), began(call()))
    assert.deepStrictEqual(reports, [])
    at(30_001, began(call()))
    assert.deepStrictEqual(reports, ["4 calls at once try holmesgpt"])
  })

  it("reports a call after five failures in a row by the wire alone, and takes one after a success among them", () => {
    const stuck = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) stuck.at(ms, ...whole("bad"))
    stuck.at(6, began(call()))
    assert.deepStrictEqual(stuck.reports, ["holmesgpt is called after 5 failures in a row"])

    const mixed = watch(legalTransitions)
    for (let ms = 1; ms <= 9; ms++) mixed.at(ms, ...whole(ms === 5 ? "good" : "bad"))
    assert.deepStrictEqual(mixed.reports, [])
  })

  it("takes whatever an operator does, and begins anew with each process", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, moved("Closed", "Isolated", "operator"), moved("Isolated", "HalfOpen", "elapsed"))
    at(1, { _tag: "ProcessBooted", process: "service", number: 1 }, began(call({ process: 1 })), moved("Closed", "Open", "failure-rate"))
    assert.deepStrictEqual(reports, [])
  })
})
