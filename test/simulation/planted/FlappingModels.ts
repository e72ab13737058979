import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import type { Run } from "./Runs.ts"

const minuteMs = 60_000

/** HolmesGPT comes and goes by turns of 100 seconds, and the service is killed while it is out. */
export const flappingModels: Run = (seed) => ({
  seed,
  scenario: {
    ...Scenario.models,
    budgets: false,
    hedges: false,
    durationMs: 15 * minuteMs,
    incidentEveryMs: minuteMs / 2,
    workloads: 24
  },
  plan: [
    { kind: "flapping", atMs: 10_000, forMs: 12 * minuteMs, parameters: { peers: ["holmesgpt"], turnMs: 100_000 } },
    { kind: "process-crash", atMs: 280_000, forMs: 0, parameters: { afterSteps: 5 } }
  ]
})
