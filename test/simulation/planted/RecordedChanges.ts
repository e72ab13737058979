/** Runs in which the service records what changes, and only the plan changes anything. */

import { SeededRandom } from "../../../src/simulation/engine/SeededRandom.ts"
import type { FaultPlan } from "../../../src/simulation/faults/FaultPlan.ts"
import type { SimulationOptions } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

const recording =
  (minutes: number, plan: (random: SeededRandom) => FaultPlan, more: Partial<Scenario.Scenario> = {}) =>
  (seed: number): SimulationOptions => ({
    seed,
    scenario: {
      ...Scenario.steady,
      name: "changes",
      durationMs: minutes * minuteMs,
      // One, at the beginning.
      incidentEveryMs: 24 * 60 * minuteMs,
      sets: false,
      service: { ...Scenario.steady.service, changes: {} },
      ...more
    },
    plan: plan(new SeededRandom(seed, "planted"))
  })

const peopleChange = (forMs: number, races: boolean, workload: number, atMinute: number): FaultPlan[number] => ({
  kind: "people-change-objects",
  atMs: atMinute * minuteMs,
  forMs,
  parameters: { workload, elseAfterMs: 5_000, races }
})

export const recordedChanges = {
  /** A person lowers a quota, and another one corrects it while the service takes that back. */
  changes: recording(6, (random) => [peopleChange(3 * minuteMs, true, random.between(1, 7), 2)]),

  /** A person lowers a quota, and rolls back all that the service has done. Later another pod is gone. */
  changesRolledBack: recording(
    30,
    () => [peopleChange(27 * minuteMs, false, 2, 2), peopleChange(10 * minuteMs, false, 2, 18)],
    { rollbackShare: 1 }
  ),

  /** Nothing changes for longer than the service looks back, and then watches have to list again. */
  gaps: recording(
    450,
    (random) => [
      {
        kind: "watch-expired",
        atMs: random.between(400 * minuteMs, 420 * minuteMs),
        forMs: 5_000,
        parameters: { kinds: ["ResourceQuota", "ConfigMap", "Service"] }
      }
    ],
    { workloads: 4 }
  )
}
