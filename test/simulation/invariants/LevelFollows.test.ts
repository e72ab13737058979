import { assert, describe, it } from "@effect/vitest"
import type { DegradationLevel } from "../../../src/domain/DegradationLevel.ts"
import type { RemediationEvent, RemediationEventKind } from "../../../src/domain/Remediation.ts"
import { levelFollows } from "../../../src/simulation/invariants/LevelFollows.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import { began, call, paused, watch } from "../fixtures/Watching.ts"

const out = (breaker: string): Observation => ({
  _tag: "BreakerMoved",
  breaker,
  from: "Closed",
  to: "Open",
  cause: "consecutive-failures"
})
const back = (breaker: string): Observation => ({
  _tag: "BreakerMoved",
  breaker,
  from: "HalfOpen",
  to: "Closed",
  cause: "probes-succeeded"
})
const level = (is: DegradationLevel): Observation => ({ _tag: "LevelIs", level: is, reasons: [] })

const committed = (kind: RemediationEventKind, fields: object = {}, process = 0): Observation => ({
  _tag: "Committed",
  process,
  // Only the fields that the checker reads.
  events: [
    {
      remediationId: "rem-1",
      sequence: 0,
      epoch: 1,
      kind,
      at: "",
      event: { _tag: kind, ...fields } as RemediationEvent
    }
  ]
})

describe("level-follows", () => {
  it("accepts level 1 without HolmesGPT, 2 without any model, 0 without one LLM, and the way back", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("llm:alpha"))
    at(20, out("holmesgpt"), level(1))
    at(30, out("llm:beta"), level(2))
    at(40, back("llm:alpha"), level(1))
    at(50, back("holmesgpt"), level(0))
    assert.deepStrictEqual(reports, [])
  })

  it("demands level 3 while the API server and all models are out, and for 30 seconds after that", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"), level(1))
    at(20, out("llm:alpha"), out("llm:beta"), level(2))
    at(30, out("kubernetes"), level(3))
    at(40, back("kubernetes"))
    at(30_040, level(2))
    assert.deepStrictEqual(reports, [])
    at(30_050, out("kubernetes"))
    at(30_060, level(2))
    assert.deepStrictEqual(reports, ["the service says level 2, and 3 is due"])
  })

  it("reports a level that is not due", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"))
    at(20, level(2))
    assert.deepStrictEqual(reports, ["the service says level 2, and 1 is due"])
  })

  it("counts a half-open tier as out", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), out("holmesgpt"), level(1))
    at(30_000, { _tag: "BreakerMoved", breaker: "holmesgpt", from: "Open", to: "HalfOpen", cause: "elapsed" })
    at(30_001, level(0))
    assert.deepStrictEqual(reports, ["the service says level 0, and 1 is due"])
  })

  it("reports a service that stays at the old level after the moment of the change", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), out("holmesgpt"), began(call()))
    assert.deepStrictEqual(reports, [])
    at(1, began(call()))
    assert.deepStrictEqual(reports, ["the service still says level 0, and 1 is due since 1 ms"])
  })

  it("accepts the old level of a process that was paused since the change only in the moment in which it resumes", () => {
    for (const [pausedMs, thenMs, expected] of [
      [10, 1010, 0],
      [10, 1011, 1],
      [11, 1011, 1]
    ] as const) {
      const { at, reports } = watch(levelFollows)
      at(0, level(0))
      at(10, out("holmesgpt"))
      at(pausedMs, paused(1000))
      at(thenMs, began(call()))
      assert.strictEqual(reports.length, expected, `${pausedMs} ${thenMs}`)
    }
  })

  it("accepts a late report of a level that was due when the pause began, and none from before", () => {
    for (const [backMs, expected] of [
      [10, 0],
      [9, 1]
    ] as const) {
      const { at, reports } = watch(levelFollows)
      at(0, level(0), out("holmesgpt"), level(1))
      at(backMs, back("holmesgpt"))
      at(10, paused(1000))
      at(1010, level(1))
      assert.strictEqual(reports.length, expected)
    }
  })

  it("accepts an investigation at the level from the beginning of a pause, if it starts in the moment in which the process resumes", () => {
    for (const [startedMs, expected] of [
      [1010, 0],
      [1011, 1]
    ] as const) {
      const { at, reports } = watch(levelFollows)
      at(0, level(0))
      at(10, out("holmesgpt"), paused(1000))
      at(1010, level(1))
      at(startedMs, committed("Started"))
      at(1020, committed("Investigated", { level: 0 }))
      assert.strictEqual(reports.length, expected)
    }
  })

  it("ignores a second process, and still checks the first", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), out("holmesgpt"), level(1))
    at(10, committed("Started", {}, 1))
    at(20, committed("Investigated", { level: 0 }, 1))
    assert.deepStrictEqual(reports, [])
    at(30, committed("Started"))
    at(40, committed("Investigated", { level: 0 }))
    assert.deepStrictEqual(reports, ["remediation rem-1 was investigated at level 0, which was not due"])
  })

  it("reports an investigation at a level that was not due during it", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), committed("Started"))
    at(10, out("holmesgpt"), level(1), committed("Investigated", { level: 0 }))
    assert.deepStrictEqual(reports, [])
    at(20, committed("Started"))
    at(30, committed("Investigated", { level: 0 }))
    assert.deepStrictEqual(reports, ["remediation rem-1 was investigated at level 0, which was not due"])
  })

  it("expects no level without models", () => {
    const { at, reports } = watch(levelFollows, Scenario.steady)
    at(0, level(0), out("kubernetes"))
    at(5000, began(call()))
    at(6000, began(call()))
    assert.deepStrictEqual(reports, [])
  })
})
