import { assert, describe, it } from "@effect/vitest"
import type { Reach } from "../../../src/simulation/faults/FaultKind.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000
const quiet: Scenario.Scenario = {
  ...Scenario.models,
  durationMs: minuteMs,
  incidentEveryMs: 60 * minuteMs,
  livenessMs: 10 * minuteMs
}

type Tried = Extract<Observation, { readonly _tag: "PermitsTried" }>

/** A run in which only `onMade` and the plan cause trouble, and the observations of its drill. */
const drilled = (
  onMade: (reach: Reach) => void = () => {},
  scenario = quiet,
  plan: NonNullable<Scenario.Scenario["plan"]> = []
) => {
  const tried: Array<readonly [peer: string, begun: number, limit: number]> = []
  const accepted: Array<readonly [alert: string, afterHealingMs: number]> = []
  const drills = new Set<string>()
  const ended = new Set<string>()
  let healedMs = Infinity
  const result = run({
    seed: 4,
    scenario,
    plan,
    onMade: (reach) => {
      reach.observations.subscribe({
        HealingBegan: (_, atMs) => {
          healedMs = atMs
        },
        PermitsTried: ({ begun, limit, peer }: Tried) => void tried.push([peer, begun, limit]),
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (atMs < healedMs) continue
            if (kind === "Accepted" && event._tag === "Accepted") {
              accepted.push([event.alert.name, atMs - healedMs])
              drills.add(remediationId)
            }
            if (kind === "Concluded" && drills.has(remediationId)) ended.add(remediationId)
          }
        }
      })
      onMade(reach)
    }
  })
  return { ...result, tried, accepted, ended: ended.size }
}

const all = ["kubernetes", "holmesgpt", "llm:alpha", "llm:beta"].map((peer) => [peer, 16, 16] as const)

describe("the drill", () => {
  it("sends two false alarms a minute after healing, and takes every permit of every bulkhead when they have ended", () => {
    const { accepted, ended, tried, violations } = drilled()
    assert.deepStrictEqual(
      accepted.map(([alert]) => alert),
      ["KubeDeploymentReplicasMismatch", "KubeDeploymentReplicasMismatch"]
    )
    assert.isTrue(accepted.every(([, afterMs]) => afterMs >= minuteMs && afterMs < 2 * minuteMs))
    assert.strictEqual(ended, 2)
    assert.deepStrictEqual(tried, all)
    assert.deepStrictEqual(violations, [])
  })

  it("finds a permit that was never released, and nothing-leaked reports it", () => {
    const { tried, violations } = drilled(({ service, world }) =>
      world.at(30_000, () => void service.bulkheads.find(({ peer }) => peer === "holmesgpt")?.bulkhead.takeUnsafe())
    )
    assert.deepStrictEqual(
      tried,
      all.map(([peer, begun, limit]) => [peer, peer === "holmesgpt" ? 15 : begun, limit])
    )
    assert.deepStrictEqual(
      violations.map(({ message }) => message),
      ["of 16 permits for calls to holmesgpt only 15 can be acquired"]
    )
  })

  it("finds a stale waiter in a queue, which is given a permit and never releases it", () => {
    const { tried } = drilled(({ service, world }) =>
      world.at(30_000, () => {
        const [kubernetes] = service.bulkheads
        for (let taken = 0; taken < 16; taken++) kubernetes?.bulkhead.takeUnsafe()
        kubernetes?.bulkhead.enqueueUnsafe(() => {})
        for (let taken = 0; taken < 16; taken++) kubernetes?.bulkhead.releaseUnsafe()
      })
    )
    assert.deepStrictEqual(tried[0], ["kubernetes", 15, 16])
  })

  it("starts again when the service goes down in the middle of it", () => {
    const { accepted, tried } = drilled(({ service, world }) =>
      world.at(2 * minuteMs + 2_000, () => service.process?.crash())
    )
    assert.isAbove(accepted.length, 2)
    assert.deepStrictEqual(tried, all)
  })

  it("finds the breaker of the cluster closed: probes close it after the outage", () => {
    const moves: Array<string> = []
    const { violations } = drilled(
      ({ observations }) =>
        observations.subscribe({
          BreakerMoved: ({ breaker, to }, atMs) =>
            void moves.push(`${breaker} ${to} ${atMs >= minuteMs ? "after healing" : "before"}`)
        }),
      { ...Scenario.single, livenessMs: 10 * minuteMs },
      [{ kind: "kubernetes-unavailable", atMs: 20_000, forMs: 2 * minuteMs, parameters: { share: 1 } }]
    )
    assert.deepStrictEqual(violations, [])
    assert.strictEqual(moves[0], "kubernetes Open before")
    assert.deepStrictEqual(moves.slice(-2), ["kubernetes HalfOpen after healing", "kubernetes Closed after healing"])
  })
})
