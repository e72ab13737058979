import { assert, describe, it } from "@effect/vitest"
import { Result, type Schema } from "effect"
import { kindsOf } from "../../../src/domain/Action.ts"
import type { ResourceRef } from "../../../src/domain/Target.ts"
import { make } from "../../../src/simulation/engine/World.ts"
import { Cluster } from "../../../src/simulation/farEnds/Cluster.ts"
import { hasTemplate } from "../../../src/simulation/farEnds/WorkloadObjects.ts"
import { all } from "../../../src/simulation/farEnds/WorkloadSets.ts"
import { Observations } from "../../../src/simulation/observation/Observation.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import * as Scenario from "../../../src/simulation/scenarios/Scenario.ts"

const minuteMs = 60_000

const refOf = (name: string): ResourceRef => all.find(({ ref }) => ref.name === name)!.ref

/** A cluster alone, with time that passes on request. */
const alone = (): { readonly cluster: Cluster; readonly pass: (ms: number) => void } => {
  const world = make(1)
  const scenario = { ...Scenario.steady, workloads: 1 }
  const cluster = new Cluster({ world, scenario, observations: new Observations(() => world.nowMs) })
  const pass = (ms: number) => void world.run({ untilMs: world.nowMs + ms })
  pass(minuteMs)
  return { cluster, pass }
}

describe("the StatefulSets and DaemonSets of a simulated cluster", () => {
  it("serve, until a bad version is rolled out, and serve again once a person has repaired them", () => {
    const { cluster, pass } = alone()
    for (const { ref } of all) {
      assert.isTrue(cluster.serves(ref) && cluster.isHealthy(ref), `${ref.name} at first`)
      cluster.breakRollout(ref)
      pass(minuteMs)
      assert.isFalse(cluster.serves(ref) || cluster.isHealthy(ref), `${ref.name} is broken`)
      cluster.repair(ref)
      pass(minuteMs)
      assert.isTrue(cluster.serves(ref) && cluster.isHealthy(ref), `${ref.name} is repaired`)
    }
  })

  it("have revisions, each with its own pods", () => {
    const { cluster, pass } = alone()
    for (const { ref } of all) {
      const before = cluster.revisionsOf(ref).flatMap(({ pods }) => pods).length
      cluster.breakRollout(ref)
      pass(minuteMs)
      const [newest, first] = cluster.revisionsOf(ref)
      assert.isTrue(newest?.image?.includes(":bad-") && newest.pods.some(({ ready }) => !ready), ref.name)
      assert.isTrue(
        first?.pods.every(({ ready }) => ready),
        ref.name
      )
      assert.strictEqual((newest?.pods.length ?? 0) + (first?.pods.length ?? 0), before, ref.name)
    }
  })

  it("keep their own template when only the template of a stuck pod is put back, where pods are ordered", () => {
    const { cluster, pass } = alone()
    const heals = (name: string): boolean => {
      const ref = refOf(name)
      const before = Result.getOrThrow(cluster.read(ref))["spec"] as Schema.JsonObject
      cluster.breakRollout(ref)
      pass(minuteMs)
      cluster.write({ _tag: "Patch", ref, patch: [{ op: "replace", path: "/spec", value: before }] })
      pass(minuteMs)
      return cluster.serves(ref)
    }
    assert.deepStrictEqual(
      ["db-ordered", "db-parallel", "agent-rolling", "db-on-delete", "agent-on-delete"].map((name) => [
        name,
        heals(name)
      ]),
      [
        ["db-ordered", false],
        ["db-parallel", true],
        ["agent-rolling", true],
        ["db-on-delete", false],
        ["agent-on-delete", false]
      ]
    )
  })

  it("lose one pod to its node, until another one takes its place", () => {
    const { cluster, pass } = alone()
    for (const { ref } of all) {
      const name = cluster.sicken(ref)
      pass(minuteMs)
      assert.deepStrictEqual(cluster.brokenPods(ref), [name ?? ""], ref.name)
      const uid = cluster
        .revisionsOf(ref)
        .flatMap(({ pods }) => pods)
        .find((pod) => pod.name === name)!.uid
      cluster.write({ _tag: "Delete", ref: { ...ref, kind: "Pod", name: name! }, uid })
      pass(minuteMs)
      assert.isTrue(cluster.serves(ref), ref.name)
    }
  })

  it("are of every kind that has a template", () => {
    const kinds = kindsOf.RestartWorkload ?? []
    assert.deepStrictEqual(
      kinds.filter((kind) => !hasTemplate({ kind })),
      []
    )
    assert.deepStrictEqual([...new Set(all.map(({ ref }) => ref.kind))], ["StatefulSet", "DaemonSet"])
  })
})

describe("a service whose cluster has StatefulSets and DaemonSets", () => {
  it("restores each whose controller rolls out by itself, and leaves the others to a person", () => {
    const fixed = new Set<string>()
    const written = new Set<string>()
    for (let seed = 1; seed <= 2; seed++) {
      const targets = new Map<string, string>()
      const { pending, violations } = run({
        seed,
        scenario: { ...Scenario.steady, workloads: 1, durationMs: 30 * minuteMs, incidentEveryMs: 75_000 },
        plan: [],
        onMade: ({ observations }) =>
          observations.subscribe({
            ClusterWrite: ({ change: { ref } }) => {
              if (hasTemplate(ref)) written.add(ref.name)
            },
            Committed: ({ events }) => {
              for (const { event, remediationId } of events) {
                if (event._tag === "Accepted" || event._tag === "Retargeted")
                  targets.set(remediationId, event.target.name)
                else if (event._tag === "Verified" && event.verification.verdict === "fixed")
                  fixed.add(targets.get(remediationId) ?? "")
              }
            }
          })
      })
      assert.deepStrictEqual({ seed, violations, pending }, { seed, violations: [], pending: [] })
    }
    assert.includeMembers([...fixed], ["db-ordered", "db-parallel", "agent-rolling"])
    assert.notIncludeMembers([...written], ["db-partitioned", "db-on-delete", "agent-on-delete"])
  }, 120_000)
})
