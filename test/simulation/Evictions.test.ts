/** Evictions, which no investigator of the other scenarios proposes. */

import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Action } from "../../src/domain/Action.ts"
import type { ResourceRef } from "../../src/domain/Target.ts"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import type { Cluster } from "../../src/simulation/farEnds/Cluster.ts"
import { run } from "../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../src/simulation/scenarios/Scenario.ts"

const actionOn = (cluster: Cluster, target: ResourceRef): Action => {
  const [pod] = cluster.brokenPods(target)
  return pod === undefined
    ? { type: "RestartWorkload", target }
    : { type: "EvictPod", target: { ...target, kind: "Pod", name: pod } }
}

/** Proposes to evict a broken pod, or to restart a workload that has none. */
const mover = (cluster: () => Cluster): Investigator => ({
  name: "custom",
  provider: "mover",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.sync(() => ({
      investigator: "custom",
      rootCause: "The pod is on a bad node.",
      evidence: [],
      action: actionOn(cluster(), { kind, name, namespace }),
      confidence: 0.9
    }))
})

describe("a service that evicts", () => {
  it("holds all invariants over six seeds with their faults, and leaves nothing pending", () => {
    let evicted = 0
    for (let seed = 1; seed <= 6; seed++) {
      let cluster: Cluster | undefined
      const { pending, violations } = run({
        seed,
        scenario: {
          ...Scenario.steady,
          durationMs: 20 * 60_000,
          incidentEveryMs: 60_000,
          investigators: Effect.sync(() => [mover(() => cluster!)])
        },
        onMade: ({ farEnds, observations }) => {
          cluster = farEnds.cluster
          observations.subscribe({
            ClusterWrite: ({ applied, change }) =>
              void (evicted += change._tag === "Evict" && applied === "yes" ? 1 : 0)
          })
        }
      })
      assert.deepStrictEqual({ seed, violations, pending }, { seed, violations: [], pending: [] })
    }
    assert.isAbove(evicted, 10)
  })
})
