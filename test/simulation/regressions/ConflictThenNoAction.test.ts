import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const scenario: Scenario.Scenario = { ...Scenario.steady, durationMs: 10 * 60_000, incidentEveryMs: 15_000 }

describe("a remediation whose write met a changed object, and whose next decision is not to act", () => {
  it("is decided five times at most", () => {
    const most = new Map<string, number>()
    run({
      seed: 2,
      scenario,
      // The workload is deleted before the write, so that the second decision is not to act.
      plan: [
        {
          kind: "kubernetes-interference",
          atMs: 0,
          forMs: scenario.durationMs,
          parameters: { share: 0.5, how: "touch" }
        },
        { kind: "kubernetes-deletion", atMs: 0, forMs: scenario.durationMs, parameters: { share: 0.2 } }
      ],
      onMade: ({ observations }) =>
        observations.subscribe({
          Committed: ({ events }) => {
            for (const { kind, remediationId } of events)
              if (kind === "Decided") most.set(remediationId, (most.get(remediationId) ?? 0) + 1)
          }
        })
    })
    // Three plans, and a person's answer.
    assert.isAtMost(Math.max(...most.values()), 5)
  })
})
