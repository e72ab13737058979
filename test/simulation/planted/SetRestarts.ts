/** StatefulSets and DaemonSets that are restarted, and whose new pods a LimitRange refuses. */

import { Effect } from "effect"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import type { SimulationOptions } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

/** Restarts sets, and leaves Deployments alone: a refusal of their pods would keep the sets from being written. */
const restarter: Investigator = {
  name: "custom",
  provider: "set-restarter",
  investigate: ({ target: { kind, name, namespace } }) => {
    const target = { namespace, kind, name }
    return Effect.succeed({
      investigator: "custom",
      rootCause: "It hangs.",
      evidence: [],
      action:
        kind === "StatefulSet" || kind === "DaemonSet"
          ? { type: "RestartWorkload", target }
          : { type: "Notify", target, reason: "It is not a set." },
      confidence: 0.9
    })
  }
}

export const setRestarts = (seed: number): SimulationOptions => ({
  seed,
  scenario: {
    ...Scenario.steady,
    name: "set-restarts",
    workloads: 1,
    incidentEveryMs: minuteMs / 2,
    durationMs: 15 * minuteMs,
    investigators: Effect.succeed([restarter])
  },
  plan: [
    {
      kind: "kubernetes-late-refusal",
      atMs: 1_000,
      forMs: 15 * minuteMs,
      parameters: { how: "limit-range", clearsAfterMs: 12 * minuteMs, share: 1 }
    }
  ]
})
