/**
 * The CPU time of one simulated hour of the service: an alert every 30 seconds, without faults and with the faults
 * drawn from each seed. `ratio` is the speed relative to real time.
 */

import { run as simulate } from "../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../src/simulation/scenarios/Scenario.ts"
import type { Result } from "./harness.ts"

const warmUpSeeds = 10
const seeds = 20

const costMs = (seed: number, plan: { readonly plan?: [] }): number => {
  const before = process.threadCpuUsage()
  simulate({ seed, scenario: Scenario.steady, ...plan })
  const { system, user } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

export async function* run(): AsyncIterable<Result> {
  for (const [variant, plan] of [
    ["no faults", { plan: [] as [] }],
    ["drawn faults", {}]
  ] as const) {
    const costs = Array.from({ length: warmUpSeeds + seeds }, (_, seed) => costMs(seed + 1, plan))
      .slice(warmUpSeeds)
      .sort((a, b) => a - b)
    const median = costs[seeds / 2]!
    yield {
      benchmark: "simulation",
      variant,
      unit: "ms/h",
      median: Math.round(median),
      ratio: Math.round(Scenario.steady.durationMs / median),
      against: "real time"
    }
  }
}
