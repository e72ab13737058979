import { assert, describe, it } from "@effect/vitest"
import { essentialServices } from "../../../src/simulation/invariants/EssentialServices.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { paused, watch } from "../fixtures/Watching.ts"

type Asked = Extract<Observation, { readonly _tag: "EssentialAsked" }>

const ready: Observation = { _tag: "ProcessReady", process: "service", number: 0 }
const ended: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" }
const asked = (askedMs: number, outcome: Asked["outcome"], essential = "status"): Asked => ({
  _tag: "EssentialAsked",
  essential,
  askedMs,
  outcome
})
const putOff = (how: "shed" | "not-stored" | "broken"): Observation => ({ _tag: "AlertPutOff", how })
const fault = { kind: "storage-down", forMs: 1_000, parameters: {} }
const begins: Observation = { _tag: "FaultBegan", fault }
const heals: Observation = { _tag: "FaultHealed", fault }
const level: Observation = { _tag: "LevelIs", level: 3, reasons: [] }

describe("essential-services", () => {
  it("accepts what responds within 5 seconds, at every level", () => {
    const { at, reports } = watch(essentialServices)
    at(0, ready, level)
    at(10_000, asked(5_000, "answered"), putOff("shed"))
    assert.deepStrictEqual(reports, [])
  })

  it("reports what responds late, with a defect or not at all", () => {
    const { at, reports } = watch(essentialServices)
    at(0, ready, level)
    at(10_000, asked(4_999, "answered"), asked(9_999, "broken", "audit"), asked(9_999, "unreachable", "reviews"))
    assert.deepStrictEqual(reports, [
      "status responded after 5001 ms at level 3",
      "audit responded with a defect at level 3",
      "reviews did not respond, and the service is ready"
    ])
  })

  it("accepts that a process which ended or was paused does not respond", () => {
    const { at, reports } = watch(essentialServices)
    at(0, ready)
    at(1_000, ended)
    at(2_000, asked(900, "unreachable"), ready, paused(20_000))
    at(22_000, asked(3_000, "answered"))
    assert.deepStrictEqual(reports, [])
  })

  it("accepts that a process which was down meets what is left of a fault, such as a full spool, for a minute", () => {
    for (const [endedMs, healedMs] of [
      [1_000, 2_000],
      [20_000, 10_000]
    ] as const) {
      const { at, reports } = watch(essentialServices)
      at(0, ready, begins)
      if (endedMs < healedMs) at(endedMs, ended)
      at(healedMs, heals)
      if (endedMs > healedMs) at(endedMs, ended)
      at(200_000, ready, putOff("not-stored"))
      assert.deepStrictEqual(reports, [])
      at(261_000, putOff("not-stored"))
      assert.deepStrictEqual(reports, ["alerts were not stored, and nothing is wrong with the database"])
    }
  })

  it("accepts that the database cannot be read while it is down, but not that the status depends on it", () => {
    const { at, reports } = watch(essentialServices)
    at(0, ready, begins)
    at(10_000, asked(9_000, "not-stored", "audit"), putOff("not-stored"), asked(9_000, "not-stored"))
    at(11_000, heals)
    at(72_000, asked(71_500, "not-stored", "audit"))
    assert.deepStrictEqual(reports, [
      "status could not be read at level 0, and nothing is wrong with the database",
      "audit could not be read at level 0, and nothing is wrong with the database"
    ])
  })

  it("accepts that posts which waited through a pause are put off, and what a fault leaves when the process resumes", () => {
    const { at, reports } = watch(essentialServices)
    at(0, ready, begins)
    at(1_000, paused(200_000))
    at(2_000, heals)
    at(201_000, putOff("not-stored"), asked(200_500, "not-stored", "audit"))
    assert.deepStrictEqual(reports, [])
    at(262_000, putOff("not-stored"))
    assert.deepStrictEqual(reports, ["alerts were not stored, and nothing is wrong with the database"])
  })

  it("reports a post of alerts that is answered with a defect, or is not stored by a database that works", () => {
    const { at, reports } = watch(essentialServices)
    at(0, ready)
    at(1, putOff("broken"), putOff("not-stored"))
    assert.deepStrictEqual(reports, [
      "a post of alerts was answered with a defect",
      "alerts were not stored, and nothing is wrong with the database"
    ])
  })
})
