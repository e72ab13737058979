/** `CollectDiagnostics` redacted logs but not the messages of events, so secrets reached the journal. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

/** An investigator that always proposes diagnostics. */
const curious: Investigator = {
  name: "custom",
  provider: "curious",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "It is not known.",
      evidence: [],
      action: { type: "CollectDiagnostics", target: { kind, name, namespace } },
      confidence: 0.9
    })
}

describe("the diagnostics of a workload whose event quotes a token", () => {
  it("are journaled without the token", () => {
    const collected: Array<string> = []
    const { violations } = run({
      seed: 1,
      scenario: { ...Scenario.single, durationMs: 2 * 60_000, investigators: Effect.succeed([curious]) },
      plan: [],
      onMade: ({ observations }) =>
        observations.subscribe({
          Committed: ({ events }) => {
            for (const { event, kind } of events)
              if (kind === "Executed" && event._tag === "Executed") collected.push(event.outcome.message ?? "")
          }
        })
    })
    assert.isTrue(
      collected.some((text) => text.includes("Failed to pull image: unauthorized: registry_token=[redacted:value]")),
      collected.join("\n")
    )
    assert.deepStrictEqual(violations, [])
  })
})
