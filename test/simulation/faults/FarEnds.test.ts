import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type { Observation } from "../../../src/simulation/Observation.ts"
import * as Scenario from "../../../src/simulation/Scenario.ts"
import { run, type SimulationOptions } from "../../../src/simulation/Simulation.ts"

const scenario: Scenario.Scenario = { ...Scenario.steady, durationMs: 4 * 60_000, incidentEveryMs: 20_000, workloads: 8 }

type Parameters = Readonly<Record<string, string | number | boolean>>

/** A run in which one fault stands from the first minute on, and what was seen of the cluster and the journal. */
const during = (kind: string, parameters: Parameters, forMs = 120_000, onMade?: SimulationOptions["onMade"]) => {
  const writes: Array<Extract<Observation, { readonly _tag: "ClusterWrite" }>> = []
  const failures = new Set<string | undefined>()
  let duplicates = 0
  /** The epochs under which each remediation was taken up. */
  const started = new Map<string, ReadonlySet<number>>()
  let died = 0
  const result = run({
    seed: 3,
    scenario,
    plan: kind === "none" ? [] : [{ kind, atMs: 60_000, forMs, parameters }],
    onMade: (reach) => {
      reach.observations.listen({
        ClusterWrite: (write) => void writes.push(write),
        AlertAnswered: ({ status }) => {
          if (status === "duplicate") duplicates++
        },
        ProcessEnded: () => void died++,
        Committed: ({ events }) => {
          for (const { event, remediationId } of events) {
            if (event._tag === "Executed") failures.add(event.outcome.failure)
            if (event._tag === "Started") started.set(remediationId, new Set([...(started.get(remediationId) ?? []), event.epoch]))
          }
        }
      })
      onMade?.(reach)
    }
  })
  return { result, writes, failures, duplicates, started, died }
}

const undisturbed = during("none", {})

const kinds: ReadonlyArray<readonly [kind: string, parameters: Parameters]> = [
  ...["unauthorized", "forbidden", "gone", "invalid", "overloaded", "overloaded-absurd", "internal-error", "webhook-denial", "storage-full"]
    .map((name) => [`kubernetes-${name}`, { share: 1 }] as const),
  ["kubernetes-lost-answer", { share: 1, hangs: true }],
  ["kubernetes-lost-answer", { share: 1, hangs: false }],
  ["kubernetes-stale-read", { lagMs: 8_000 }],
  ["kubernetes-interference", { share: 1, how: "touch" }],
  ["kubernetes-interference", { share: 1, how: "repair" }],
  ["kubernetes-deletion", { share: 0.5 }],
  ["kubernetes-nonsense", { share: 1, how: "object" }],
  ["kubernetes-nonsense", { share: 1, how: "defect" }],
  ["storage-down", { share: 1 }],
  ["storage-down", { share: 0.1 }],
  ["storage-locked", { share: 1 }],
  ["storage-full", { share: 1, givesUp: true }],
  ["storage-full", { share: 0.5, givesUp: false }],
  ["storage-slow", { takesMs: 2_000 }],
  ["storage-commit-unknown", { share: 0.3, kept: true }],
  ["storage-commit-unknown", { share: 0.3, kept: false }],
  ["storage-broken", { share: 0.2 }],
  ["process-pause", { pauseMs: 90_000 }],
  ["process-restart-loop", { livesMs: 3_000 }],
  ["process-two-owners", { pauseMs: 0 }],
  ["process-two-owners", { pauseMs: 60_000 }],
  ["wall-clock-jump", { byMs: 3_600_000 }],
  ["wall-clock-jump", { byMs: -3_600_000 }],
  ["intake-duplicate", { copies: 3, withinMs: 30_000 }],
  ["intake-late", { byMs: 60_000 }],
  ["intake-resolved-first", { byMs: 1_000 }],
  ["intake-storm-10", { resolvedAfterMs: 5_000 }],
  ["intake-storm-of-incidents", {}],
  ["intake-odd", { count: 40 }],
  ["operator-breaker", { what: "isolate", forMs: 60_000 }]
]

describe("faults of the far ends", () => {
  it.each(kinds)("%s %j changes the run, breaks no invariant, and leaves nothing behind once healed", (kind, parameters) => {
    const { result } = during(kind, parameters, kind === "storage-broken" ? 3_000 : 120_000)
    assert.deepStrictEqual({ violations: result.violations, pending: result.pending }, { violations: [], pending: [] })
    assert.notStrictEqual(result.journalHash, undisturbed.result.journalHash)
  })

  it("a write that was refused has changed nothing, and the service knows", () => {
    // With a share of one the dry run is refused already, and there is no intent.
    assert.include([...during("kubernetes-forbidden", { share: 0.5 }).failures], "forbidden")
  })

  it("a write whose answer is lost has changed the cluster, once", () => {
    const { writes } = during("kubernetes-lost-answer", { share: 1, hangs: false })
    const applied = writes.filter(({ applied }) => applied === "yes").map(({ change, executionId }) => `${executionId} ${JSON.stringify(change)}`)
    assert.isAbove(applied.length, 0)
    assert.strictEqual(new Set(applied).size, applied.length)
  })

  it("interference makes real conflicts", () => {
    const { writes } = during("kubernetes-interference", { share: 1, how: "touch" })
    assert.isTrue(writes.some(({ refused }) => refused === "Conflict"))
  })

  it("a restart loop and a kept commit end the process, a pause does not", () => {
    assert.isAbove(during("process-restart-loop", { livesMs: 3_000 }).died, 5)
    assert.isAbove(during("storage-commit-unknown", { share: 0.3, kept: true }).died, 0)
    assert.strictEqual(during("process-pause", { pauseMs: 90_000 }).died, 0)
  })

  it("two owners: a remediation is taken over though no process has ended", () => {
    // An answered question begins a new epoch too, with or without another owner.
    const again = ({ started }: typeof undisturbed) => [...started.values()].filter((epochs) => epochs.size > 1).length
    const seen = during("process-two-owners", { pauseMs: 0 })
    assert.strictEqual(seen.died, 0)
    assert.isAbove(again(seen), again(undisturbed))
  })

  it("what comes twice is acknowledged as a duplicate", () => {
    // Alertmanager itself repeats what goes on firing.
    assert.isAbove(during("intake-duplicate", { copies: 3, withinMs: 30_000 }).duplicates, 2 * undisturbed.duplicates)
  })

  it("a disruption budget keeps pods from being evicted until it heals", () => {
    const evictions: Array<string> = []
    during("kubernetes-disruption-budget", {}, 60_000, ({ farEnds: { cluster }, world }) => {
      const undo = cluster.forbidEvictions({ namespace: "prod", name: "app-1", budget: "tight" })
      const budget = { namespace: "prod", kind: "PodDisruptionBudget", name: "tight" }
      evictions.push(Result.isSuccess(cluster.read(budget)) ? "there" : "gone")
      undo()
      world.at(1_000, () => void evictions.push(Result.isSuccess(cluster.read(budget)) ? "there" : "gone"))
    })
    assert.deepStrictEqual(evictions, ["there", "gone"])
  })
})
