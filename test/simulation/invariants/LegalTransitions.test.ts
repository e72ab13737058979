import { assert, describe, it } from "@effect/vitest"
import type { CircuitTag, TransitionCause } from "../../../src/resilience/ResilienceEvent.ts"
import { legalTransitions } from "../../../src/simulation/invariants/LegalTransitions.ts"
import type { CallEnding, Observation } from "../../../src/simulation/observation/Observation.ts"
import { began, call, ended, paused, watch } from "../fixtures/Watching.ts"

const moved = (from: CircuitTag, to: CircuitTag, cause: TransitionCause, breaker = "holmesgpt"): Observation => ({
  _tag: "BreakerMoved",
  breaker,
  from,
  to,
  cause
})

const opens = moved("Closed", "Open", "consecutive-failures")
const halves = moved("Open", "HalfOpen", "elapsed")
const closes = moved("HalfOpen", "Closed", "probes-succeeded")

const opensByRate = moved("Closed", "Open", "failure-rate")
/** The calls on the wire neither confirm nor contradict it. */
const opensSlow = moved("Closed", "Open", "slow-calls")
const opensAgain = moved("HalfOpen", "Open", "probe-failed")

const whole = (ending: CallEnding): ReadonlyArray<Observation> => {
  const made = call()
  return [began(made), ended(made, ending)]
}

describe("legal-transitions", () => {
  it("accepts the whole cycle, and reports a transition that is not part of it", () => {
    const round = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) round.at(ms, ...whole("bad"))
    round.at(6, opens)
    round.at(30_006, halves, ...whole("good"), ...whole("good"), ...whole("good"), closes)
    assert.deepStrictEqual(round.reports, [])
    round.at(30_007, moved("Closed", "HalfOpen", "elapsed"))
    assert.deepStrictEqual(round.reports, ["breaker holmesgpt goes from Closed to HalfOpen by elapsed"])
  })

  it("reports a breaker that leaves a state that it was not in", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, halves)
    assert.deepStrictEqual(reports, ["breaker holmesgpt says that it leaves Open, and was Closed"])
  })

  it("reports an open time below 30 s", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(29_999, halves)
    assert.deepStrictEqual(reports, ["breaker holmesgpt was open for 29999 ms only"])
    const suspended = watch(legalTransitions)
    suspended.at(0, opens)
    suspended.at(10, moved("Open", "Suspended", "suspended"))
    assert.deepStrictEqual(suspended.reports, [])
  })

  it("reports a breaker that closes after two successes", () => {
    const { at, reports } = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) at(ms, ...whole("bad"))
    at(6, opens)
    at(30_006, halves, ...whole("good"), ...whole("good"), closes)
    assert.deepStrictEqual(reports, ["breaker holmesgpt closed after 2 successes"])
  })

  it("reports a call while the breaker is open, a probe included, and accepts calls to other peers", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(10, began(call({ peer: "llm:alpha" })))
    assert.deepStrictEqual(reports, [])
    at(11, began(call({ purpose: "probe", hop: undefined })))
    assert.deepStrictEqual(reports, ["holmesgpt is called although its breaker is open"])
  })

  it("accepts a probe that leaves in the moment in which the breaker opens", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens, began(call({ purpose: "probe", hop: undefined })))
    assert.deepStrictEqual(reports, [])
  })

  it("reports a call while the breaker is open, even one that waited for one of 16 permits when it opened", () => {
    const { at, reports } = watch(legalTransitions)
    const inFlight = Array.from({ length: 16 }, () => call())
    at(0, ...inFlight.map(began))
    at(1, ...inFlight.slice(0, 5).map((made) => ended(made, "bad")), opens, began(call()))
    assert.deepStrictEqual(reports, ["holmesgpt is called although its breaker is open"])
  })

  it("accepts a further call of an attempt with too long a prompt, even if the breaker has opened meanwhile, and none at a later moment", () => {
    const { at, reports } = watch(legalTransitions)
    const [inTime, late] = [call(), call()]
    at(0, began(inTime), began(late))
    at(10, opensSlow)
    at(20, ended(inTime, "neither"), began(call({ hop: inTime.hop })), ended(late, "neither"))
    assert.deepStrictEqual(reports, [])
    at(21, began(call({ hop: late.hop })))
    assert.deepStrictEqual(reports, ["holmesgpt is called although its breaker is open"])
  })

  it("accepts no other call instead of the further one", () => {
    for (const other of [call(), call({ purpose: "probe", hop: undefined })]) {
      const { at, reports } = watch(legalTransitions)
      const made = call()
      at(0, began(made))
      at(10, opensSlow)
      at(20, ended(made, "neither"), began(other))
      assert.deepStrictEqual(reports, ["holmesgpt is called although its breaker is open"])
    }
  })

  it("counts a further call of an attempt in the state in which the attempt was admitted", () => {
    const { at, reports } = watch(legalTransitions)
    const slow = call()
    const again = call({ hop: slow.hop })
    at(0, opens)
    at(30_000, halves, began(slow), ...whole("good"), ...whole("good"), ...whole("good"), closes)
    at(30_010, ended(slow, "neither"), began(again))
    at(30_020, ended(again, "bad"))
    for (let ms = 30_021; ms <= 30_024; ms++) at(ms, ...whole("bad"))
    at(30_025, began(call()))
    assert.deepStrictEqual(reports, [])
  })

  it("counts an attempt of two calls as one success", () => {
    const { at, reports } = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) at(ms, ...whole("bad"))
    at(6, opens)
    const made = call()
    const again = call({ hop: made.hop })
    at(
      30_006,
      halves,
      ...whole("good"),
      began(made),
      ended(made, "neither"),
      began(again),
      ended(again, "good"),
      closes
    )
    assert.deepStrictEqual(reports, ["breaker holmesgpt closed after 2 successes"])
  })

  it("reports a fourth concurrent probe", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(30_000, halves, began(call()), began(call()), began(call()))
    assert.deepStrictEqual(reports, [])
    at(30_001, began(call()))
    assert.deepStrictEqual(reports, ["4 calls at once try holmesgpt"])
  })

  it("accepts a fourth call at once when calls of no use have been in flight for three times ten seconds, and none before", () => {
    for (const [lastsMs, expected] of [
      [10_000, 0],
      [9999, 1]
    ] as const) {
      const { at, reports } = watch(legalTransitions)
      const ofNoUse = [call(), call(), call()]
      at(0, opens)
      at(30_000, halves, ...ofNoUse.map(began))
      at(30_000 + lastsMs, ...ofNoUse.map((each) => ended(each, "neither")))
      at(50_000, began(call()), began(call()), began(call()), began(call()))
      assert.strictEqual(reports.length, expected, `${lastsMs}`)
    }
  })

  it("accepts a fourth probe once the first has held its permit for 60 s, and none before", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, opens)
    at(30_000, halves, began(call()))
    at(30_001, began(call()), began(call()))
    at(90_000, began(call()))
    assert.deepStrictEqual(reports, [])
    at(90_000, began(call()))
    assert.deepStrictEqual(reports, ["4 calls at once try holmesgpt"])
  })

  it("reports a call after five failures in a row, without any transition, and accepts one if a success was among them", () => {
    const stuck = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) stuck.at(ms, ...whole("bad"))
    stuck.at(5, began(call()))
    assert.deepStrictEqual(stuck.reports, [])
    stuck.at(6, began(call()))
    assert.deepStrictEqual(stuck.reports, ["holmesgpt is called after 5 failures in a row"])

    const mixed = watch(legalTransitions)
    for (let ms = 1; ms <= 9; ms++) mixed.at(ms, ...whole(ms === 5 ? "good" : "bad"))
    assert.deepStrictEqual(mixed.reports, [])
  })

  it("does not count an interrupted call as a success among failures", () => {
    const { at, reports } = watch(legalTransitions)
    for (let ms = 1; ms <= 6; ms++) at(ms, ...whole(ms === 3 ? "given-up" : "bad"))
    at(7, began(call()))
    assert.deepStrictEqual(reports, ["holmesgpt is called after 5 failures in a row"])
  })

  it("accepts a call after five failures if the process was paused since the fifth, and reports it if it had run", () => {
    const still = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) still.at(ms, ...whole("bad"))
    still.at(5, paused(100))
    still.at(105, began(call()))
    assert.deepStrictEqual(still.reports, [])
    still.at(106, began(call()))
    assert.strictEqual(still.reports.length, 1)

    const ran = watch(legalTransitions)
    for (let ms = 1; ms <= 5; ms++) ran.at(ms, ...whole("bad"))
    ran.at(6, paused(100))
    ran.at(106, began(call()))
    assert.strictEqual(ran.reports.length, 1)
  })

  it("remembers the failures from before a pause", () => {
    const { at, reports } = watch(legalTransitions)
    for (let ms = 1; ms <= 4; ms++) at(ms, ...whole("bad"))
    at(5, paused(100))
    at(106, ...whole("bad"))
    at(107, began(call()))
    assert.deepStrictEqual(reports, ["holmesgpt is called after 5 failures in a row"])
  })

  it("reports a breaker that opens after four failures in a row, and accepts one that opens after five, some of them interrupted", () => {
    for (const [endings, expected] of [
      [["bad", "bad", "bad", "bad"], 1],
      [["bad", "good", "bad", "bad", "bad", "bad"], 1],
      [["bad", "given-up", "bad", "neither", "bad"], 0]
    ] as const) {
      const { at, reports } = watch(legalTransitions)
      for (const [ms, ending] of endings.entries()) at(ms, ...whole(ending))
      at(6, opens)
      assert.strictEqual(reports.length, expected, endings.join())
    }
  })

  it("counts a success in the moment in which the breaker opens as a later one, but no earlier success", () => {
    for (const [goodMs, expected] of [
      [6, 0],
      [5, 1]
    ] as const) {
      const { at, reports } = watch(legalTransitions)
      for (let ms = 1; ms <= 4; ms++) at(ms, ...whole("bad"))
      at(goodMs, ...whole("good"))
      at(6, ...whole("bad"), opens)
      assert.strictEqual(reports.length, expected)
    }
  })

  it("reports a breaker that opens by failure rate on fewer than ten calls or five failures within a minute", () => {
    for (const [good, bad, lastMs, expected] of [
      [5, 5, 60_010, 0],
      [5, 5, 60_011, 1],
      [4, 5, 20, 1],
      [6, 4, 20, 1]
    ] as const) {
      const { at, reports } = watch(legalTransitions)
      at(10, ...Array.from({ length: good }, () => whole("good")).flat())
      at(10, ...Array.from({ length: bad - 1 }, () => whole("bad")).flat())
      at(lastMs, ...whole("bad"), opensByRate)
      assert.strictEqual(reports.length, expected, `${good} good, ${bad} bad`)
    }
  })

  it("reports a breaker that opens again without a failed probe, and accepts one whose probe was interrupted", () => {
    for (const [ending, expected] of [
      ["good", 1],
      ["given-up", 0],
      ["bad", 0]
    ] as const) {
      const { at, reports } = watch(legalTransitions)
      for (let ms = 1; ms <= 5; ms++) at(ms, ...whole("bad"))
      at(6, opens)
      at(30_006, halves, ...whole(ending), opensAgain)
      assert.strictEqual(reports.length, expected, ending)
    }
  })

  it("accepts a breaker that opens while the process stands still, so that its calls may never have left it, and reports it if it had run", () => {
    for (const [why, before] of [
      [opens, []],
      [opensAgain, [opens, halves]]
    ] as const)
      for (const [ranMs, expected] of [
        [0, 0],
        [1, 1]
      ] as const) {
        const { at, reports } = watch(legalTransitions)
        const failures = before.length === 0 ? 4 : 5
        for (let ms = 1; ms <= failures; ms++) at(ms, ...whole("bad"))
        for (const each of before) at(each === halves ? 30_006 : 6, each)
        at(31_000, paused(2000))
        at(33_000 + ranMs, why)
        assert.strictEqual(reports.length, expected, JSON.stringify(why))
      }
  })

  it("reports a breaker that is tripped after useful calls only, whatever its state was when a useless one began", () => {
    const { at, reports } = watch(legalTransitions)
    const trips = moved("Closed", "Open", "tripped")
    const useless = call()
    at(1, ...whole("good"), trips)
    assert.deepStrictEqual(reports, ["breaker holmesgpt was tripped, and no call was of no use"])
    at(30_001, halves, began(useless), ...whole("good"), ...whole("good"), ...whole("good"), closes)
    at(30_002, ended(useless, "neither"), trips)
    assert.strictEqual(reports.length, 1)
  })

  it("accepts every transition by an operator, and starts again with each process", () => {
    const { at, reports } = watch(legalTransitions)
    at(0, moved("Closed", "Isolated", "operator"), moved("Isolated", "HalfOpen", "elapsed"))
    at(1, { _tag: "ProcessBooted", process: "service", number: 1 }, began(call({ process: 1 })), opensSlow)
    assert.deepStrictEqual(reports, [])
  })
})
