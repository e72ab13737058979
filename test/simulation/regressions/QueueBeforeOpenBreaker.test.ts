/**
 * Calls that waited for a permit of a peer's bulkhead were sent although its breaker had opened meanwhile: the whole
 * queue, one after the other.
 */

import { assert, describe, it } from "@effect/vitest"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

describe("sixty incidents at once while HolmesGPT's answers are cut off", () => {
  it("send nothing to it from the moment in which its breaker opens until it is probed", () => {
    let isOpen = false
    let opened = 0
    let whileOpen = 0
    const { pending, violations } = run({
      seed: 1,
      scenario: { ...Scenario.models, budgets: false, hedges: false, workloads: 60, durationMs: 2 * minuteMs },
      plan: [
        { kind: "truncated-body", atMs: 0, forMs: 2 * minuteMs, parameters: { peers: ["holmesgpt"], endsAfter: 0.5 } },
        { kind: "intake-storm-of-incidents", atMs: 10_000, forMs: 0, parameters: {} }
      ],
      onMade: ({ observations }) =>
        observations.subscribe({
          BreakerMoved: ({ breaker, to }) => {
            if (breaker !== "holmesgpt") return
            isOpen = to === "Open"
            if (isOpen) opened++
          },
          CallBegan: ({ call }) => {
            if (call.peer === "holmesgpt" && isOpen) whileOpen++
          }
        })
    })
    assert.isAtLeast(opened, 1)
    assert.strictEqual(whileOpen, 0)
    assert.deepStrictEqual([violations, pending], [[], []])
  })
})
