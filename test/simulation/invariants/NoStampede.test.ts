import { assert, describe, it } from "@effect/vitest"
import { noStampede } from "../../../src/simulation/invariants/NoStampede.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { committed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const moved = (from: "HalfOpen" | "Closed", to: "Closed" | "Open"): Observation => ({
  _tag: "BreakerMoved",
  breaker: "llm:alpha",
  from,
  to,
  cause: to === "Open" ? "consecutive-failures" : "probes-succeeded"
})
const back = moved("HalfOpen", "Closed")

const alpha = (outcome: "answered" | "skipped", reason?: string) => ({
  investigator: "llm",
  provider: "alpha",
  outcome,
  attempts: outcome === "skipped" ? 0 : 1,
  durationMs: 0,
  ...(reason === undefined ? {} : { reason })
})
const rules = { investigator: "rules", outcome: "answered", attempts: 1, durationMs: 0 }

const investigated = (...hops: ReadonlyArray<unknown>): Observation =>
  committed("rem-1", { _tag: "Investigated", level: 0, hops } as never)
const asked = investigated(alpha("answered"))
const recovering = investigated(alpha("skipped", "recovering"), rules)

const overrun = "llm:alpha came back, and within a minute got 12 of 12 investigations, of which 1 were its share"

describe("no-stampede", () => {
  it("accepts a share that grows", () => {
    const { at, end, reports } = watch(noStampede)
    at(0, back)
    // A third of them: the whole minute has room for a half.
    for (let second = 1; second < 60; second++) at(second * 1_000, second % 3 === 0 ? asked : recovering)
    end()
    assert.deepStrictEqual(reports, [])
  })

  it("reports a model that gets everything at once", () => {
    const { at, end, reports } = watch(noStampede)
    at(0, back)
    at(100, ...Array.from({ length: 12 }, () => asked))
    end()
    assert.deepStrictEqual(reports, [overrun])
  })

  it("does not count what comes back to the model because nobody else found anything, nor what it gets a minute later", () => {
    const { at, end, reports } = watch(noStampede)
    at(0, back)
    at(100, ...Array.from({ length: 12 }, () => investigated(alpha("skipped", "recovering"), rules, alpha("answered"))))
    at(60_000, ...Array.from({ length: 12 }, () => asked))
    end()
    assert.deepStrictEqual(reports, [])
  })

  it("counts nothing while the model is out again, or held until the level rises", () => {
    const { at, end, reports } = watch(noStampede)
    at(0, back)
    at(50, moved("Closed", "Open"))
    at(100, ...Array.from({ length: 12 }, () => asked))
    at(200, back, ...Array.from({ length: 12 }, () => investigated(alpha("skipped", "held"), rules)))
    end()
    assert.deepStrictEqual(reports, [])
  })
})
