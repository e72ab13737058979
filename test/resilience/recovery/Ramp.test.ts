import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import * as Ramp from "../../../src/resilience/recovery/Ramp.ts"

const minuteMs = 60_000

/** A peer that failed at 0 and whose circuit closed at `ms`. */
const closedAt = (ms: number): Ramp.Ramp => Ramp.closed(Ramp.opened(Ramp.initial, 0), ms)

const percent = (ramp: Ramp.Ramp): number => Math.round(Ramp.shareOf(ramp) * 100)

describe("the share of a peer that is restored", () => {
  it("grows in a straight line from 10 % to 100 % within a minute, with or without calls", () => {
    let ramp = closedAt(0)
    const timeline: Array<number> = []
    for (let ms = 0; ms <= minuteMs; ms += 5000) {
      ramp = Ramp.at(ramp, ms)
      timeline.push(percent(ramp))
      ramp = Ramp.record(ramp, false, ms)
    }
    assert.deepStrictEqual(timeline, [10, 10, 17, 25, 33, 42, 50, 58, 67, 75, 83, 92, 100])
    assert.deepStrictEqual(Ramp.at(closedAt(0), minuteMs), Ramp.initial)
  })

  it("grows faster at first with a higher aggression", () => {
    const settings = { ...Ramp.defaults, aggression: 2 }
    const ramp = Ramp.at(Ramp.closed(Ramp.opened(Ramp.initial, 0), 0, settings), 15_000, settings)
    assert.strictEqual(Ramp.shareOf(ramp, settings), 0.5)
  })

  it("falls to four fifths after a step in which more than 10 % of the calls failed", () => {
    let ramp = Ramp.at(closedAt(0), 30_000)
    assert.strictEqual(percent(ramp), 50)
    for (let call = 0; call < 8; call++) ramp = Ramp.record(ramp, call === 0, 31_000)
    ramp = Ramp.at(ramp, 35_000)
    assert.strictEqual(percent(ramp), 40)
    // And grows again from there, by time alone.
    assert.strictEqual(percent(Ramp.at(ramp, 40_000)), 48)
  })

  it("stays after a step in which 3 to 10 % of the calls failed", () => {
    for (const [calls, expected] of [
      [34, 58],
      [33, 50],
      [10, 50],
      [9, 40]
    ] as const) {
      let ramp = Ramp.at(closedAt(0), 30_000)
      for (let call = 0; call < calls; call++) ramp = Ramp.record(ramp, call === 0, 31_000)
      assert.strictEqual(percent(Ramp.at(ramp, 35_000)), expected, `${calls} calls`)
    }
  })

  it("never falls below 10 %", () => {
    let ramp = closedAt(0)
    for (let ms = 0; ms < 10 * minuteMs; ms += 1000) {
      ramp = Ramp.record(ramp, true, ms)
      assert.strictEqual(percent(ramp), 10)
    }
  })
})

describe("who is in the share", () => {
  it("is counted: the first call, and then one in ten at 10 %", () => {
    let ramp = closedAt(0)
    const taken = Array.from({ length: 30 }, () => {
      const [next, isIn] = Ramp.take(ramp, 0)
      ramp = next
      return isIn
    })
    assert.deepStrictEqual(
      taken.flatMap((isIn, call) => (isIn ? [call] : [])),
      [0, 10, 20]
    )
  })

  it("is every call where the peer is in full use", () => {
    assert.deepStrictEqual(Ramp.take(Ramp.initial, 0), [Ramp.initial, true])
  })

  it("has the promised part of many calls at every share", () => {
    for (let step = 1; step < 12; step++) {
      let ramp = Ramp.at(closedAt(0), step * 5000)
      const share = Ramp.shareOf(ramp)
      let taken = 0
      for (let call = 0; call < 1000; call++) {
        const [next, isIn] = Ramp.take(ramp, step * 5000)
        ramp = next
        if (isIn) taken++
      }
      assert.approximately(taken, 1000 * share, 1)
    }
  })
})

describe("a relapse", () => {
  const relapse = (ramp: Ramp.Ramp, ms: number) => Ramp.closed(Ramp.opened(ramp, ms), ms + 1)

  it("opens the circuit for 30 s times the relapses in a row, at most 300 s", () => {
    let ramp = closedAt(0)
    const opens: Array<number> = []
    for (let relapses = 0; relapses < 12; relapses++) {
      opens.push(Ramp.nextOpenMs(ramp) / 1000)
      ramp = relapse(ramp, relapses * 10)
    }
    assert.deepStrictEqual(opens, [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
  })

  it("counts from the first failure: the recovery is not over before", () => {
    const ramp = relapse(closedAt(1000), 30_000)
    assert.strictEqual(ramp._tag === "Ramping" && ramp.sinceMs, 0)
  })

  it("is forgotten after a minute in full use, one after the other", () => {
    let ramp: Ramp.Ramp = closedAt(0)
    for (let count = 0; count < 3; count++) ramp = relapse(ramp, count)
    const fullAt = minuteMs + 10_000
    ramp = Ramp.at(ramp, fullAt)
    assert.deepInclude(ramp, { _tag: "Full", relapses: 3 })
    const later = [1, 2, 3, 4].map((minutes) => Ramp.at(ramp, fullAt + minutes * minuteMs))
    assert.deepStrictEqual(
      later.map((each) => each._tag === "Full" && each.relapses),
      [2, 1, 0, 0]
    )
    // An outage before that is one more.
    assert.deepInclude(Ramp.opened(later[0]!, fullAt + minuteMs + 1), { relapses: 3 })
    assert.deepInclude(Ramp.opened(later[3]!, fullAt + 4 * minuteMs + 1), { relapses: 0 })
  })
})

describe("an operator", () => {
  it("who forces the circuit closed ends the ramp at once", () => {
    assert.strictEqual(Ramp.shareOf(Ramp.forced(closedAt(0), 1)), 1)
  })

  it("who isolates the peer takes it out, and its probes begin a new ramp", () => {
    const out = Ramp.opened(Ramp.initial, 5)
    assert.strictEqual(Ramp.shareOf(out), 0)
    assert.strictEqual(percent(Ramp.closed(out, 10)), 10)
  })
})

/** What happens, after how many milliseconds. */
const Happening = Schema.Struct({
  afterMs: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })),
  what: Schema.Literals(["opened", "closed", "forced", "succeeds", "fails", "call"])
})
const happenings = Arbitrary.array(Arbitrary.schema(Happening), { maxLength: 60 })

const apply = (ramp: Ramp.Ramp, what: (typeof Happening.Type)["what"], nowMs: number): Ramp.Ramp => {
  switch (what) {
    case "opened":
      return Ramp.opened(ramp, nowMs)
    case "closed":
      return Ramp.closed(ramp, nowMs)
    case "forced":
      return Ramp.forced(ramp, nowMs)
    case "call":
      return Ramp.take(ramp, nowMs)[0]
    default:
      return Ramp.record(ramp, what === "fails", nowMs)
  }
}

describe("whatever happens", () => {
  it.effect.prop(
    "the share of a restored peer is from 10 % to 100 %, and a ramp always has a deadline",
    [happenings],
    ([all]) =>
      Effect.sync(() => {
        let ramp: Ramp.Ramp = Ramp.initial
        let nowMs = 0
        for (const { afterMs, what } of all) {
          nowMs += afterMs
          ramp = Ramp.at(apply(ramp, what, nowMs), nowMs)
          if (ramp._tag !== "Out") {
            assert.isAtLeast(Ramp.shareOf(ramp), 0.1)
            assert.isAtMost(Ramp.shareOf(ramp), 1)
          }
          if (ramp._tag === "Ramping") assert.isAtMost(Ramp.deadlineOf(ramp), nowMs + Ramp.defaults.stepMs)
          assert.isAbove(Ramp.deadlineOf(ramp), nowMs)
          assert.isAtLeast(Ramp.nextOpenMs(ramp), 30_000)
          assert.isAtMost(Ramp.nextOpenMs(ramp), 300_000)
        }
      })
  )

  const outcomes = Arbitrary.array(Arbitrary.schema(Schema.Boolean), { minLength: 5, maxLength: 5 })

  it.effect.prop(
    "a peer is in full use within five minutes at one call a minute, whatever the calls do",
    [outcomes],
    ([failing]) =>
      Effect.sync(() => {
        let ramp = closedAt(0)
        failing.forEach((failed, minute) => {
          const [next, isIn] = Ramp.take(ramp, minute * minuteMs + 1)
          ramp = isIn ? Ramp.record(next, failed, minute * minuteMs + 2) : next
        })
        assert.strictEqual(Ramp.at(ramp, 5 * minuteMs)._tag, "Full")
      })
  )
})
