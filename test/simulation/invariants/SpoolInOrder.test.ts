import { assert, describe, it } from "@effect/vitest"
import { spoolInOrder } from "../../../src/simulation/invariants/SpoolInOrder.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { committed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const secondMs = 1_000
const minuteMs = 60_000

const stored = (sequence: number, fingerprint = "f"): Observation => ({
  _tag: "SpoolStored",
  spool: "s",
  sequence,
  process: 0,
  alerts: [{ fingerprint, firing: true }]
})
const replayed = (sequence: number): Observation => ({ _tag: "SpoolReplayed", spool: "s", sequence })
/** A commit of a post that fires, by the process that has the spool. */
const post = (fingerprint = "f"): Observation => ({
  ...(committed("rem-1", { _tag: "Accepted", alert: { fingerprint } } as never) as Extract<
    Observation,
    { readonly _tag: "Committed" }
  >),
  process: 0
})

const overtaken = "a post of alert f was stored before entry s 1 of the spool"

describe("the order of the spool", () => {
  it("accepts entries that are stored once, in order", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1), stored(2, "g"))
    at(minuteMs, replayed(1), post(), replayed(2), post("g"))
    assert.deepStrictEqual(reports, [])
  })

  it("accepts an entry that is read by the next process before it is synced", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, replayed(1), stored(1))
    at(minuteMs, post())
    assert.deepStrictEqual(reports, [])
  })

  it("reports an entry that is stored twice, and one that comes before another", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1), stored(2), stored(3))
    at(minuteMs, replayed(1), replayed(1), replayed(3))
    assert.deepStrictEqual(reports, [
      "entry 1 of spool s was stored again, after entry 1",
      "entry 3 of spool s was stored after entry 1"
    ])
  })

  it("reports a number that two entries have, whether the database has taken the first one or not", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1), stored(1))
    assert.deepStrictEqual(reports, [])
    at(1, stored(1, "g"), stored(2))
    at(minuteMs, replayed(1), replayed(2), stored(2, "g"))
    assert.deepStrictEqual(reports, [
      "entry 1 of spool s was stored on its disk twice, with other alerts",
      "entry 2 of spool s was stored on its disk twice, with other alerts"
    ])
  })

  it("reports a post that overtakes an entry of its alert", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1))
    at(minuteMs, post("g"), post())
    assert.deepStrictEqual(reports, [overtaken])
  })

  it("accepts a post that was on its way to the database when the entry was stored", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1))
    at(29 * secondMs, post())
    assert.deepStrictEqual(reports, [])
  })

  it("accepts the replay of the first of several entries of an alert, and no post after it", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1), stored(2))
    at(minuteMs, replayed(1), post())
    assert.deepStrictEqual(reports, [])
    at(minuteMs + 1, post())
    assert.deepStrictEqual(reports, ["a post of alert f was stored before entry s 2 of the spool"])
  })

  it("accepts the alerts of an entry that a loss of power has left before its sync, and no post after it", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(2))
    at(minuteMs, replayed(1), post())
    assert.deepStrictEqual(reports, [])
    at(minuteMs + 1, post())
    assert.deepStrictEqual(reports, ["a post of alert f was stored before entry s 2 of the spool"])
  })

  it("reports a post after the replay of a repeat, which has no row in the journal", () => {
    const { at, reports } = watch(spoolInOrder)
    at(0, stored(1), stored(2))
    at(minuteMs, replayed(1))
    at(minuteMs + 1, post())
    assert.deepStrictEqual(reports, ["a post of alert f was stored before entry s 2 of the spool"])
  })
})
