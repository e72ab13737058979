/**
 * An action reached the cluster, the service crashed before it journaled that, and the workload was deleted before the
 * service restarted: the journal and the audit log recorded that nothing had been applied.
 */

import { assert, describe, it } from "@effect/vitest"
import type { Applied } from "../../../src/domain/Execution.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

describe("an action that is resumed when its workload is gone", () => {
  it("is journaled as applied: unknown", () => {
    const said: Array<Applied> = []
    let written = 0
    const { pending, violations } = run({
      seed: 1,
      scenario: { ...Scenario.single, incidentEveryMs: 60 * minuteMs, durationMs: 3 * minuteMs },
      plan: [],
      onMade: ({ farEnds: { cluster }, observations, service, world }) =>
        observations.subscribe({
          ClusterWrite: ({ applied, change }) => {
            if (applied !== "yes" || written++ > 0) return
            // While the response is in transit.
            world.at(world.nowMs, () => {
              service.process?.crash()
              cluster.remove(change.ref)
            })
            world.at(world.nowMs + 2 * minuteMs, () => cluster.restore(change.ref))
          },
          Committed: ({ events }) => {
            for (const { event, kind } of events)
              if (kind === "Executed" && event._tag === "Executed") said.push(event.outcome.applied)
          }
        })
    })
    assert.isAbove(written, 0)
    assert.deepStrictEqual(said, ["unknown"])
    assert.deepStrictEqual([violations, pending], [[], []])
  })
})
