import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import type { Run } from "./Runs.ts"

const minuteMs = 60_000

/** The language models have no money left for ten minutes, while workloads break all the time. */
export const emptyAccounts: Run = (seed) => ({
  seed,
  scenario: {
    ...Scenario.models,
    budgets: false,
    hedges: false,
    tiers: ["llm:alpha", "llm:beta"],
    durationMs: 14 * minuteMs,
    incidentEveryMs: minuteMs / 6,
    workloads: 40
  },
  plan: [
    {
      kind: "quota-exhausted",
      atMs: 20_000,
      forMs: 10 * minuteMs,
      parameters: { peers: ["llm:alpha", "llm:beta"], share: 1 }
    }
  ]
})
