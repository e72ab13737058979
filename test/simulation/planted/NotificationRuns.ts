/** Runs in which people are notified, for bugs by which they would not be, or twice. */

import { SeededRandom } from "../../../src/simulation/engine/SeededRandom.ts"
import type { SimulationOptions } from "../../../src/simulation/run/Simulation.ts"
import { type Scenario, steady } from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

const scenario: Scenario = {
  ...steady,
  durationMs: 10 * minuteMs,
  incidentEveryMs: minuteMs / 2,
  workloads: 12,
  notifications: true
}

/** The receiver of notifications loses its responses, and then is down. */
export const sinks = (seed: number): SimulationOptions => ({
  seed,
  scenario,
  plan: [
    { kind: "sink-response-lost", atMs: minuteMs, forMs: 3 * minuteMs, parameters: { sink: "hook", share: 1 } },
    { kind: "sink-down", atMs: 5 * minuteMs, forMs: 3 * minuteMs, parameters: { sink: "hook" } }
  ]
})

/** The service is killed four times a minute. */
export const sinksAndCrashes = (seed: number): SimulationOptions => {
  const random = new SeededRandom(seed, "planted")
  return {
    seed,
    scenario,
    plan: Array.from({ length: 40 }, (_, index) => ({
      kind: "process-crash",
      atMs: (index + 1) * 15_000,
      forMs: 0,
      parameters: { afterSteps: random.between(1, 300) }
    }))
  }
}
