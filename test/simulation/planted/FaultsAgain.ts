/** Faults that happen again and again in the short runs. */

import type { SeededRandom } from "../../../src/simulation/engine/SeededRandom.ts"
import type { FaultPlan } from "../../../src/simulation/faults/FaultPlan.ts"

/** A fault at random intervals. */
export const again =
  (
    minutes: number,
    everyMs: readonly [leastMs: number, mostMs: number],
    fault: (random: SeededRandom) => Omit<FaultPlan[number], "atMs">
  ) =>
  (random: SeededRandom): FaultPlan => {
    const plan: Array<FaultPlan[number]> = []
    for (let atMs = random.between(...everyMs); atMs < minutes * 60_000; atMs += random.between(...everyMs))
      plan.push({ atMs, ...fault(random) })
    return plan
  }

/** Crashes at a write, after which the API server lags. */
export const crashIntoThePast = again(10, [40_000, 70_000], (random) => ({
  kind: "kubernetes-back-in-time",
  forMs: 120_000,
  parameters: { crashMs: 0, atWrite: true, backMs: random.between(5_000, 30_000), lagMs: 8_000 }
}))
