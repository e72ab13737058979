/**
 * One incident from the alert to its end, with the service killed before one step of it, for each step in turn.
 *
 * With `yieldEvery: 4` every few operations of Effect are a step, so that a crash can fall between any two operations
 * of the service. Trying all 1,561 steps takes a minute; this test tries every seventh, and all of the coarse steps
 * that Effect itself makes.
 */

import { assert, describe, it } from "@effect/vitest"
import type { FinalState } from "../../src/domain/Remediation.ts"
import { run, type SimulationResult } from "../../src/simulation/run/Simulation.ts"
import { rollbacks } from "../../src/simulation/scenarios/Rollbacks.ts"
import * as Scenario from "../../src/simulation/scenarios/Scenario.ts"

const incident: Scenario.Scenario = { ...Scenario.single, service: Scenario.steady.service, restartMs: [1000, 1000] }

interface Ended {
  readonly result: SimulationResult
  readonly states: ReadonlyArray<FinalState>
  /** Writes that took effect. */
  readonly writes: number
  /** The step in which the remediation ended. */
  readonly concludedAt: number
}

/** The action does not help, so it is undone. */
const uselessChange: Scenario.Scenario = {
  ...incident,
  ...(rollbacks.investigators === undefined ? {} : { investigators: rollbacks.investigators })
}

const simulate = (scenario: Scenario.Scenario, yieldEvery: number, crashAtStep?: number): Ended => {
  const states: Array<FinalState> = []
  let writes = 0
  let concludedAt = 0
  /** Another alert about the same workload may come later, and a person decides about that. */
  let first: string | undefined
  const result = run({
    seed: 1,
    scenario,
    plan: [],
    process: { yieldEvery },
    onMade: ({ observations, service, world }) => {
      if (crashAtStep !== undefined) world.atStep(crashAtStep, () => service.process?.crash())
      observations.subscribe({
        ClusterWrite: ({ applied }) => {
          if (applied === "yes") writes++
        },
        Committed: ({ events }) => {
          for (const { event, remediationId } of events) {
            first ??= remediationId
            if (event._tag !== "Concluded" || remediationId !== first) continue
            states.push(event.state)
            concludedAt = world.steps
          }
        }
      })
    }
  })
  return { result, states, writes, concludedAt }
}

interface Expected {
  readonly states: ReadonlyArray<FinalState>
  readonly writes: number
}

const repaired: Expected = { states: ["Remediated"], writes: 1 }
const undone: Expected = { states: ["RolledBack"], writes: 2 }

const expectSameEnd = (scenario: Scenario.Scenario, expected: Expected, yieldEvery: number, stride: number): void => {
  const whole = simulate(scenario, yieldEvery)
  assert.deepStrictEqual([whole.states, whole.writes, whole.result.boots], [expected.states, expected.writes, 1])
  for (let step = 1; step <= whole.concludedAt; step += stride) {
    const { result, states, writes } = simulate(scenario, yieldEvery, step)
    assert.deepStrictEqual(
      { step, states, writes, boots: result.boots, violations: result.violations, pending: result.pending },
      { step, ...expected, boots: 2, violations: [], pending: [] }
    )
  }
}

describe("a service that is killed in the middle of an incident", () => {
  it("repairs the workload with one write, before whichever step it is killed", () => {
    expectSameEnd(incident, repaired, 2048, 1)
  })

  it("does so when it is killed between operations, tried at every seventh step", () => {
    expectSameEnd(incident, repaired, 4, 7)
  }, 120_000)

  it("undoes a change that does not help with one write, before whichever step it is killed", () => {
    expectSameEnd(uselessChange, undone, 2048, 1)
  }, 120_000)

  it("does so when it is killed between operations, tried at every 23rd step", () => {
    expectSameEnd(uselessChange, undone, 4, 23)
  }, 120_000)
})
