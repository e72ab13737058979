import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

describe("ServiceProcess", () => {
  it("takes no requests in a process that crashed while it started", () => {
    const ended = new Set<number>()
    const readyAfterEnd: Array<number> = []
    const openAfterCrash: Array<number> = []
    const { pending, violations } = run({
      seed: 1,
      scenario: { ...Scenario.steady, durationMs: 15 * 60_000 },
      plan: [],
      onMade: ({ farEnds, observations, service }) => {
        let commits = 0
        observations.subscribe({
          ProcessBooted: () => void (commits = 0),
          ProcessEnded: ({ number }) => void ended.add(number),
          ProcessReady: ({ number }) => {
            if (ended.has(number)) readyAfterEnd.push(number)
            if (service.process?.isAlive !== true && service.isReady) openAfterCrash.push(number)
          }
        })
        // Boot n crashes within its commit n, so each commit of a start is tried.
        farEnds.database.disturb({
          afterCommit: () => {
            commits++
            if (service.boots <= 6 && commits === service.boots && !service.isReady) service.process?.crash()
          }
        })
      }
    })
    assert.deepStrictEqual({ readyAfterEnd, openAfterCrash }, { readyAfterEnd: [], openAfterCrash: [] })
    assert.isAbove(ended.size, 0)
    assert.deepStrictEqual({ pending, violations }, { pending: [], violations: [] })
  })
})
