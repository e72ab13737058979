/** Runs in which the database is away for a minute at a time. */

import { SeededRandom } from "../../../src/simulation/engine/SeededRandom.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"
import type { Run } from "./Runs.ts"

const minuteMs = 60_000
const outages = [1, 4, 7, 10]

const scenario: Scenario.Scenario = {
  ...Scenario.steady,
  incidentEveryMs: minuteMs / 2,
  workloads: 24,
  durationMs: 12 * minuteMs,
  restartMs: [100, 500]
}

const away = outages.map((minute) => ({
  kind: "storage-down",
  atMs: minute * minuteMs,
  forMs: minuteMs,
  parameters: { share: 1 }
}))

/**
 * The service is killed while it empties a spool that has grown beyond its reserved space, and starts again with a
 * database that another process often locks: what it finds in the spool waits there when new posts come.
 */
export const emptiedSpool: Run = (seed) => ({
  seed,
  scenario: { ...scenario, incidentEveryMs: 1_500, workloads: 60 },
  plan: outages.flatMap((minute, index) => [
    {
      kind: "spool-emptying-crash",
      atMs: minute * minuteMs,
      forMs: minuteMs,
      parameters: { database: true, operations: (seed + index) % 3 }
    },
    {
      kind: "storage-locked",
      atMs: (minute + 1) * minuteMs + 50,
      forMs: minuteMs / 2,
      // The service cannot start while every transaction fails.
      parameters: { share: 0.6 }
    }
  ])
})

/** The service is killed while the spool is replayed. */
export const spooled: Run = (seed) => {
  const random = new SeededRandom(seed, "planted")
  return {
    seed,
    scenario,
    plan: [
      ...away,
      // An entry is tried again every second.
      ...outages.map((minute) => ({
        kind: "process-crash",
        atMs: (minute + 1) * minuteMs + random.between(0, 1_100),
        forMs: 0,
        parameters: { afterSteps: random.between(1, 60) }
      }))
    ]
  }
}

/**
 * The machine loses power while the spool is written, the service is killed when it has written behind what is left,
 * and once more when the first entry has been replayed.
 */
export const tornSpool: Run = (seed) => ({
  seed,
  scenario,
  plan: [
    // The service starts with a full database, and not with one that cannot be opened.
    ...away.map((fault) => ({ ...fault, kind: "storage-full", parameters: { share: 1, givesUp: false } })),
    ...outages.flatMap((minute) => [
      {
        kind: "spool-torn",
        atMs: minute * minuteMs + 15_000,
        forMs: 30_000,
        parameters: { database: true, kept: 0.5 }
      },
      { kind: "process-crash", atMs: minute * minuteMs + 50_000, forMs: 0, parameters: { afterSteps: 1 } },
      {
        kind: "spool-replay-crash",
        atMs: minute * minuteMs + 51_000,
        forMs: 9_000,
        parameters: { database: true, afterSteps: seed % 3 }
      }
    ])
  ]
})
