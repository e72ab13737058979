/** What the planted bugs are looked for in: short runs, each with the faults that bring such bugs out. */
import * as Guardrails from "../../../src/decision/Guardrails.ts"
import type { FaultPlan } from "../../../src/simulation/FaultPlan.ts"
import * as Scenario from "../../../src/simulation/Scenario.ts"
import { SeededRandom } from "../../../src/simulation/SeededRandom.ts"
import type { SimulationOptions } from "../../../src/simulation/Simulation.ts"

/** What one seed of it is. */
export type Run = (seed: number) => SimulationOptions

const minuteMs = 60_000

const calm = (minutes: number, more: Partial<Scenario.Scenario> = {}): Run => (seed) => ({
  seed,
  scenario: { ...Scenario.steady, durationMs: minutes * minuteMs, ...more },
  plan: []
})

/** As `calm`, and every so often a fault, made from randomness of its own. */
const disturbed = (
  minutes: number,
  everyMs: readonly [leastMs: number, mostMs: number],
  fault: (random: SeededRandom) => Omit<FaultPlan[number], "atMs">,
  more: Partial<Scenario.Scenario> = {}
): Run => (seed) => {
  const random = new SeededRandom(seed, "planted")
  const plan: Array<FaultPlan[number]> = []
  const durationMs = minutes * minuteMs
  for (let atMs = random.between(...everyMs); atMs < durationMs; atMs += random.between(...everyMs)) plan.push({ atMs, ...fault(random) })
  return { ...calm(minutes, more)(seed), plan }
}

export const runs = {
  /** Nothing goes wrong but the workloads. */
  calm: calm(3),
  /** The service is killed at some step or other, twice a minute. */
  crashes: disturbed(10, [20_000, 40_000], (random) => ({ kind: "process-crash", forMs: 0, parameters: { afterSteps: random.between(1, 60) } })),
  /** The API server is away for up to two minutes at a time, wholly or for a part of the requests. */
  outages: disturbed(10, [60_000, 180_000], (random) => ({
    kind: "kubernetes-unavailable",
    forMs: random.between(20_000, 120_000),
    parameters: { share: random.chance(0.5) ? 1 : 0.6 }
  })),
  /** More breaks at once than the service may call about. */
  storm: calm(1, { alertEveryMs: 100, workloads: 60 }),
  /** All workloads are in a namespace that the operator has closed. */
  protected: calm(3, { service: { mode: "auto", guardrails: { ...Guardrails.defaults, protectedNamespaces: ["prod"] } } }),
  /** A person is asked before every action, and nobody answers before the workload is repaired by hand. */
  approvals: calm(14, { service: { mode: "approve" } })
} satisfies Record<string, Run>

export type RunName = keyof typeof runs
