/** Runs for bugs of recovery and of emergencies. */

import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import type { Run } from "./Runs.ts"

const minuteMs = 60_000

/** An LLM is down for a minute and back for another, and all the time there are workloads left that break. */
export const backAgain: Run = (seed) => ({
  seed,
  scenario: {
    ...Scenario.models,
    tiers: ["llm:alpha", "llm:beta"],
    durationMs: 3 * minuteMs,
    incidentEveryMs: 700,
    workloads: 280,
    modelLatencyMs: [50, 200],
    service: { ...Scenario.models.service, mode: "observe" }
  },
  plan: [{ kind: "service-down", atMs: 40_000, forMs: minuteMs, parameters: { peers: ["llm:alpha"] } }]
})

/** An operator declares an emergency for some minutes. */
export const declaredEmergency: Run = (seed) => ({
  seed,
  scenario: { ...Scenario.models, durationMs: 6 * minuteMs, incidentEveryMs: minuteMs, visitors: true },
  plan: [{ kind: "operator-declares-emergency", atMs: 2 * minuteMs, forMs: 2 * minuteMs, parameters: {} }]
})
