import { assert, describe, it } from "@effect/vitest"
import { healedAtEnd } from "../../../src/simulation/invariants/HealedAtEnd.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { watch } from "../fixtures/Watching.ts"

const opens = (breaker: string): Observation => ({
  _tag: "BreakerMoved",
  breaker,
  from: "Closed",
  to: "Open",
  cause: "consecutive-failures"
})

describe("healed-at-end", () => {
  it("waits for open breakers of models and of the cluster and for level 0, and reports at the end what is missing", () => {
    const { at, end, pending, reports } = watch(healedAtEnd)
    at(0, opens("llm:alpha"), opens("kubernetes"), opens("llm:own"), { _tag: "LevelIs", level: 1, reasons: [] })
    assert.deepStrictEqual(pending(), [
      "the breaker of llm:alpha is Open",
      "the breaker of kubernetes is Open",
      "the level is 1"
    ])
    end()
    assert.deepStrictEqual(reports, pending())
  })

  it("accepts a service that has recovered by itself, or has restarted", () => {
    const found = watch(healedAtEnd)
    found.at(0, opens("llm:alpha"), {
      _tag: "BreakerMoved",
      breaker: "llm:alpha",
      from: "HalfOpen",
      to: "Closed",
      cause: "probes-succeeded"
    })
    found.end()
    assert.deepStrictEqual(found.reports, [])
    const restarted = watch(healedAtEnd)
    restarted.at(0, opens("llm:alpha"), { _tag: "ProcessBooted", process: "service", number: 1 })
    restarted.end()
    assert.deepStrictEqual(restarted.reports, [])
  })
})
