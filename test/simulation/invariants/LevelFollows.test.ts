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

const ended: Observation = { _tag: "ProcessEnded", process: "service", number: 0, how: "crashed" }

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
  const minute = 60_000

  it("accepts level 1 without HolmesGPT, 2 without any model, 0 without one LLM, and the way back in one rise", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("llm:alpha"))
    at(20, out("holmesgpt"), level(1))
    at(30, out("llm:beta"), level(2))
    at(minute, back("llm:alpha"))
    at(minute + 10, back("holmesgpt"))
    at(minute + 30_010, level(0))
    assert.deepStrictEqual(reports, [])
  })

  it("demands level 3 while the API server and all models are out, and for 30 seconds after that", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"), level(1))
    at(20, out("llm:alpha"), out("llm:beta"), level(2))
    at(30, out("kubernetes"), level(3))
    at(minute, back("kubernetes"))
    at(minute + 29_999, level(2))
    assert.deepStrictEqual(reports, ["the level rose from 3 to 2, and 3 was due in the 30 seconds before"])
  })

  it("accepts level 3 after the cluster was replaced until it has responded, and not for 7 minutes after that", () => {
    const { at, reports } = watch(levelFollows)
    const replaced = { fault: { kind: "cluster-replaced", forMs: minute, parameters: {} } }
    at(0, level(0), { _tag: "FaultBegan", ...replaced }, out("kubernetes"), level(3))
    at(minute, { _tag: "FaultHealed", ...replaced })
    for (let count = 2; count < 20; count++) at(count * minute, out("kubernetes"))
    at(20 * minute, back("kubernetes"))
    at(27 * minute, back("kubernetes"))
    assert.deepStrictEqual(reports, [])
    at(28 * minute, back("kubernetes"))
    assert.lengthOf(reports, 1)
  })

  it("reports a level that rises twice within 5 minutes, also in a new process", () => {
    for (const restarts of [false, true]) {
      const { at, reports } = watch(levelFollows)
      at(0, level(0), out("holmesgpt"), level(1))
      at(minute, back("holmesgpt"))
      at(2 * minute, level(0), out("holmesgpt"), level(1))
      if (restarts) {
        at(2 * minute + 10_000, ended, { _tag: "ProcessBooted", process: "service", number: 1 }, level(1))
      } else at(2 * minute + 10_000, back("holmesgpt"))
      at(4 * minute, level(0))
      assert.deepStrictEqual(reports, ["the level rose from 1 to 0, 120000 ms after it rose before"])
    }
  })

  it("counts the time of a pause, and accepts a rise in the moment in which the process resumes", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"), level(1))
    at(minute, back("holmesgpt"))
    at(minute + 20_000, paused(30_000))
    at(minute + 50_000, level(0))
    assert.deepStrictEqual(reports, [])
  })

  it("accepts a second rise in a new process, if the database failed at the first", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"), level(1))
    at(minute, back("holmesgpt"))
    const fault = { kind: "storage-down", forMs: minute, parameters: {} }
    at(minute + 20_000, { _tag: "FaultBegan", fault })
    at(minute + 30_000, level(0))
    at(2 * minute, { _tag: "FaultHealed", fault })
    at(2 * minute + 1000, ended)
    at(2 * minute + 2000, { _tag: "ProcessBooted", process: "service", number: 1 }, level(1))
    at(2 * minute + 32_000, level(0))
    assert.deepStrictEqual(reports, [])
  })

  it("reports a level that does not come back", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), out("holmesgpt"), level(1))
    at(minute, back("holmesgpt"), began(call()))
    at(8 * minute, began(call()))
    assert.deepStrictEqual(reports, [])
    at(8 * minute + 1, began(call()))
    assert.deepStrictEqual(reports, ["the level has not risen from 1, and 0 or better is due for 420001 ms"])
  })

  it("reports a new process that does not know where the one before it was", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), out("holmesgpt"), level(1))
    at(10_000, ended, { _tag: "ProcessBooted", process: "service", number: 1 }, level(0))
    assert.deepStrictEqual(reports, ["a new process begins at level 0, and the one before it was at 1"])
  })

  it("accepts that a new process does not know what was found just before, or while the database failed", () => {
    const fault = { kind: "storage-down", forMs: minute, parameters: {} }
    for (const [atMs, ...first] of [
      [4000, level(0)],
      [20_000, { _tag: "FaultBegan", fault } as const]
    ] as const) {
      const { at, reports } = watch(levelFollows)
      at(0, ...first, level(0), out("holmesgpt"), level(1))
      at(atMs, ended, { _tag: "ProcessBooted", process: "service", number: 1 }, level(0))
      assert.deepStrictEqual(reports, [])
    }
  })

  it("reports a level that is not due", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"))
    at(20, level(0))
    assert.deepStrictEqual(reports, ["the service says level 0, and 1 is due"])
  })

  it("counts a half-open tier as out", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), out("holmesgpt"), level(1))
    at(30_000, { _tag: "BreakerMoved", breaker: "holmesgpt", from: "Open", to: "HalfOpen", cause: "elapsed" })
    at(60_001, level(0))
    assert.deepStrictEqual(reports, [
      "the level rose from 1 to 0, and 1 was due in the 30 seconds before",
      "the service says level 0, and 1 is due"
    ])
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
    assert.deepStrictEqual(reports, ["remediation rem-1 was investigated at level 0, which it never was"])
  })

  it("reports an investigation at a level that was not due during it", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), committed("Started"))
    at(10, out("holmesgpt"), level(1), committed("Investigated", { level: 0 }))
    assert.deepStrictEqual(reports, [])
    at(20, committed("Started"))
    at(30, committed("Investigated", { level: 0 }))
    assert.deepStrictEqual(reports, ["remediation rem-1 was investigated at level 0, which it never was"])
  })

  it("accepts that the level rises at once when an operator ends an emergency, and that what was found is dismissed", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0))
    at(10, out("holmesgpt"), level(1), out("llm:alpha"), out("llm:beta"), level(2), out("alertmanager"), level(3))
    at(minute, { _tag: "EmergencyDeclared", set: true })
    at(2 * minute, { _tag: "EmergencyDeclared", set: false }, level(2))
    at(3 * minute, began(call()))
    assert.deepStrictEqual(reports, [])
    at(4 * minute, level(1))
    assert.deepStrictEqual(reports, [
      "the level rose from 2 to 1, and 2 was due in the 30 seconds before",
      "the service says level 1, and 2 is due"
    ])
  })

  it("accepts level 3 about what is found after an operator has ended an emergency", () => {
    const { at, reports } = watch(levelFollows)
    at(0, level(0), { _tag: "EmergencyDeclared", set: true }, level(3))
    at(10, { _tag: "EmergencyDeclared", set: false }, level(0))
    at(minute, ...["holmesgpt", "llm:alpha", "llm:beta", "kubernetes"].map(out), level(3))
    at(9 * minute, began(call()))
    assert.deepStrictEqual(reports, [])
    at(10 * minute, ...["holmesgpt", "llm:alpha", "llm:beta", "kubernetes"].map(back))
    at(18 * minute, began(call()))
    assert.deepStrictEqual(reports, ["the level has not risen from 3, and 0 or better is due for 480000 ms"])
  })

  it("expects no level without models", () => {
    const { at, reports } = watch(levelFollows, Scenario.steady)
    at(0, level(0), out("kubernetes"))
    at(5000, began(call()))
    at(6000, began(call()))
    assert.deepStrictEqual(reports, [])
  })
})
