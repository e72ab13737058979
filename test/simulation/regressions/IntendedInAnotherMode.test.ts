import { assert, describe, it } from "@effect/vitest"
import type { Mode } from "../../../src/domain/Mode.ts"
import type { RemediationEvent } from "../../../src/domain/Remediation.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

// The first alert comes after 20 s. Requests are in transit for long, so that the service can be stopped before its write
// arrives.
const scenario: Scenario.Scenario = {
  ...Scenario.single,
  durationMs: 5 * 60_000,
  incidentEveryMs: 3_600_000,
  clusterLatencyMs: [300, 300]
}

/** The service is killed before its write arrives, and restarted in another mode. */
const stopped = (mode: Mode) => {
  let ending: RemediationEvent | undefined
  let writes = 0
  /** The remediation in progress. */
  let id: string | undefined
  const { violations } = run({
    seed: 1,
    scenario,
    plan: [],
    onMade: ({ observations, service, world }) => {
      observations.subscribe({
        Committed: (committed) => {
          for (const { event, remediationId } of committed.events) {
            if (event._tag === "Concluded" && remediationId === id) ending = event
            if (event._tag !== "Intended" || id !== undefined) continue
            id = remediationId
            world.at(world.nowMs, () => service.restartIn(mode))
          }
        },
        ClusterWrite: ({ executionId }) => {
          if (id !== undefined && executionId?.startsWith(id) === true) writes++
        }
      })
    }
  })
  return { violations, writes, ending }
}

describe("an action that was intended before the service was stopped", () => {
  it.each(["observe", "approve"] as const)(
    "is not carried out after a restart in %s, and is escalated to a person",
    (mode) => {
      const { ending, violations, writes } = stopped(mode)
      assert.deepStrictEqual(violations, [])
      assert.strictEqual(writes, 0)
      assert.isTrue(
        ending?._tag === "Concluded"
          && ending.state === "Escalated"
          && ending.reason.includes("runs in a mode that does not allow")
      )
    }
  )

  it("is carried out after a restart in auto", () => {
    const { ending, writes } = stopped("auto")
    assert.strictEqual(writes, 1)
    assert.isTrue(ending?._tag === "Concluded" && ending.state === "Remediated")
  })
})
