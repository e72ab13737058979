/**
 * A drain of a node, with the service killed just after each of its writes in turn: after the cordon, and between any
 * two evictions. Its successor continues it, or gives up and takes the cordon back.
 */

import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import type { Investigator } from "../../src/investigation/Investigator.ts"
import { run } from "../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000
const node = { namespace: "", kind: "Node", name: "node-1" }

/** Proposes to drain the node that an alert is about. */
const drainer: Investigator = {
  name: "custom",
  provider: "drainer",
  investigate: ({ target: { kind, name, namespace } }) =>
    Effect.succeed({
      investigator: "custom",
      rootCause: "Its disk fails.",
      evidence: [],
      action:
        kind === "Node"
          ? { type: "DrainNode", target: { namespace, kind, name } }
          : { type: "Notify", target: { namespace, kind, name }, reason: "It is not a node." },
      confidence: 0.9
    })
}

const scenario: Scenario.Scenario = {
  ...Scenario.steady,
  name: "drain",
  workloads: 6,
  sets: false,
  // The first incident is of a workload, and no other follows.
  durationMs: 2 * 60 * minuteMs,
  incidentEveryMs: 3 * 60 * minuteMs,
  restartMs: [1_000, 1_000],
  investigators: Effect.succeed([drainer])
}

const alert = (atMs: number) => ({
  version: "4" as const,
  status: "firing" as const,
  alerts: [
    {
      status: "firing" as const,
      labels: { alertname: "KubeNodeNotReady", severity: "critical", node: node.name },
      annotations: {},
      startsAt: new Date(atMs).toISOString(),
      endsAt: "0001-01-01T00:00:00Z",
      fingerprint: "00000000000000aa"
    }
  ]
})

interface Drained {
  readonly writes: ReadonlyArray<string>
  readonly states: ReadonlyArray<string>
  readonly applied: ReadonlyArray<string>
  readonly cordoned: boolean
  readonly boots: number
  readonly faults: object
}

/** One drain. With a budget, the pods of a workload on the node may not be evicted. */
const drain = (crashAfter: number | undefined, hasBudget = false): Drained => {
  const writes: Array<string> = []
  const states: Array<string> = []
  const applied: Array<string> = []
  const about = new Map<string, string>()
  let cordoned = false
  const { boots, pending, violations } = run({
    seed: 2,
    scenario,
    plan: [],
    onMade: ({ farEnds: { alertmanager, cluster }, observations, service, world }) => {
      if (hasBudget) cluster.forbidEvictions({ namespace: "prod", name: "app-4", budget: "none-may-go" })
      world.at(10_000, () =>
        alertmanager.deliver({ afterMs: 0, webhook: alert(world.wallStartMs + world.nowMs) }, "an alert about a node")
      )
      observations.subscribe({
        ClusterWrite: ({ applied, change }) => {
          if (applied !== "yes") return
          writes.push(change._tag === "Evict" ? change.uid : `${change._tag} ${change.ref.name}`)
          if (writes.length === crashAfter) world.atStep(world.steps + 1, () => service.process?.crash())
        },
        Committed: ({ events }) => {
          for (const { event, remediationId } of events) {
            if (event._tag === "Accepted") about.set(remediationId, event.target.kind)
            if (about.get(remediationId) !== "Node") continue
            if (event._tag === "Executed")
              applied.push(`${event.outcome.applied} ${event.outcome.failure ?? ""}`.trim())
            if (event._tag !== "Concluded") continue
            states.push(event.state)
            const object = Result.getOrThrow(cluster.read(node))
            cordoned = (object["spec"] as { readonly unschedulable?: boolean }).unschedulable === true
          }
        }
      })
    }
  })
  return { writes, states, applied, cordoned, boots, faults: { violations, pending } }
}

/** The same end as without a crash, after whichever write the service is killed, and no write is made twice. */
const expectSameEnd = (hasBudget: boolean): Drained => {
  const whole = drain(undefined, hasBudget)
  assert.isAbove(whole.writes.length, 3)
  for (let crashAfter = 1; crashAfter <= whole.writes.length; crashAfter++) {
    const { writes, ...rest } = drain(crashAfter, hasBudget)
    const evictions = writes.filter((write) => !write.startsWith("Patch"))
    assert.deepStrictEqual(
      { crashAfter, twice: evictions.length - new Set(evictions).size, ...rest },
      {
        crashAfter,
        twice: 0,
        applied: whole.applied,
        states: whole.states,
        cordoned: whole.cordoned,
        boots: 2,
        faults: { violations: [], pending: [] }
      }
    )
  }
  return whole
}

describe("a service that is killed between two writes of a drain", () => {
  it("continues it after the restart and evicts each pod once, after whichever write it is killed", () => {
    assert.deepInclude(expectSameEnd(false), { applied: ["yes"], cordoned: true })
  }, 300_000)

  it("gives it up where a budget holds a pod, and takes the cordon back, after whichever write it is killed", () => {
    assert.deepInclude(expectSameEnd(true), { states: ["RolledBack"], cordoned: false })
  }, 300_000)
})
