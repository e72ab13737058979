/** Runs in which models cost something, and HolmesGPT is hedged. */

import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import type { Run } from "./Runs.ts"

const minuteMs = 60_000

const busy: Scenario.Scenario = {
  ...Scenario.models,
  budgets: false,
  durationMs: 2 * minuteMs,
  incidentEveryMs: 100,
  workloads: 150,
  service: { mode: "observe" }
}

const scenario: Scenario.Scenario = {
  ...Scenario.models,
  durationMs: 12 * minuteMs,
  incidentEveryMs: 6_000,
  workloads: 60,
  service: { mode: "observe" }
}

export const modelRuns = {
  /** HolmesGPT is slow for hundreds of alerts, and each of them is hedged after half a second. */
  slowStorm: (seed) => ({
    seed,
    scenario: { ...busy, hedges: { after: 500, deadline: 20_000 }, modelLatencyMs: [1500, 3000] },
    plan: []
  }),
  /** HolmesGPT takes its time, and is hedged after some seconds. */
  hedged: (seed) => ({
    seed,
    scenario: {
      ...busy,
      incidentEveryMs: 5000,
      hedges: { after: 4000, deadline: 20_000 },
      modelLatencyMs: [500, 15_000]
    },
    plan: []
  }),
  /** All models are healthy, and their budgets are tight in half of the seeds. */
  spending: (seed) => ({ seed, scenario, plan: [] }),
  /** The models follow instructions from the log of a pod. */
  injected: (seed) => ({
    seed,
    scenario: { ...scenario, durationMs: 4 * minuteMs, budgets: false },
    plan: [
      {
        kind: "prompt-injection",
        atMs: 10_000,
        forMs: 3 * minuteMs,
        parameters: { peers: ["holmesgpt", "llm:alpha", "llm:beta"], share: 1 }
      }
    ]
  })
} satisfies Record<string, Run>
