/**
 * A database that could not be opened or migrated when the service started was a defect of the layer, so the simulator
 * reported that the service had died. It is an error (`StorageError`): the process exits, and is restarted until the
 * database is back.
 */

import { assert, describe, it } from "@effect/vitest"
import type { Schema } from "effect"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

const outages: ReadonlyArray<readonly [kind: string, parameters: Schema.JsonObject]> = [
  ["storage-down", { share: 1 }],
  ["storage-locked", { share: 1 }],
  ["storage-commit-unknown", { share: 1, kept: false }],
  ["storage-broken", { share: 1 }]
]

describe("a service that crashes while its database is unavailable for two minutes", () => {
  for (const [kind, parameters] of outages) {
    it(`exits at each start and is ready when the database is back: ${kind}`, () => {
      const lives: Array<Observation["_tag"] | "crashed" | "exited"> = []
      const result = run({
        seed: 1,
        scenario: { ...Scenario.single, durationMs: 5 * minuteMs },
        plan: [
          { kind, atMs: minuteMs, forMs: 2 * minuteMs, parameters },
          { kind: "process-crash", atMs: minuteMs + 1000, forMs: 0, parameters: { afterSteps: 1 } }
        ],
        onMade: ({ observations }) =>
          observations.subscribe({
            ProcessReady: ({ _tag }) => void lives.push(_tag),
            ProcessEnded: ({ how }) => void lives.push(how)
          })
      })
      assert.deepStrictEqual([result.violations, result.pending], [[], []])
      assert.deepStrictEqual(lives.slice(0, 3), ["ProcessReady", "crashed", "exited"])
      assert.deepStrictEqual(lives.slice(3), [...lives.slice(4).map(() => "exited" as const), "ProcessReady"])
    })
  }
})
