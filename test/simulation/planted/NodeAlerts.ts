/** Alerts about several nodes at once, and an investigator that cordons each of them. */

import { Duration, Effect } from "effect"
import { defaults, type GuardrailSettings } from "../../../src/decision/GuardrailSettings.ts"
import type { Investigator } from "../../../src/investigation/Investigator.ts"
import type { SimulationOptions } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

const cordoner: Investigator = {
  name: "custom",
  provider: "cordoner",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "Its disk fails.",
      evidence: [],
      action:
        kind === "Node"
          ? { type: "CordonNode", target: { namespace, kind, name } }
          : { type: "Notify", target: { namespace, kind, name }, reason: "It is not a node." },
      confidence: 0.9
    })
}

// All nodes may be out, so that only the budget of their pool paces the cordons.
const guardrails: GuardrailSettings = {
  ...defaults,
  maximumNodesOut: 1,
  blastRadius: { ...defaults.blastRadius, pool: { burst: 1, refill: Duration.minutes(1) } }
}

const about = (node: string, index: number, atMs: number) => ({
  status: "firing" as const,
  labels: { alertname: "KubeNodeNotReady", severity: "critical", node },
  annotations: {},
  startsAt: new Date(atMs).toISOString(),
  endsAt: "0001-01-01T00:00:00Z",
  fingerprint: `00000000000000a${index}`
})

/** The disks of three nodes fail at once. */
export const nodeAlerts = (seed: number): SimulationOptions => ({
  seed,
  scenario: {
    ...Scenario.single,
    name: "node-alerts",
    durationMs: 4 * minuteMs,
    incidentEveryMs: 60 * minuteMs,
    service: { ...Scenario.steady.service, guardrails },
    investigators: Effect.succeed([cordoner])
  },
  plan: [],
  onMade: ({ farEnds: { alertmanager }, world }) =>
    world.at(10_000, () => {
      const atMs = world.wallStartMs + world.nowMs
      const alerts = ["node-1", "node-2", "node-3"].map((node, index) => about(node, index, atMs))
      alertmanager.deliver({ afterMs: 0, webhook: { version: "4", status: "firing", alerts } }, "alerts about nodes")
    })
})
