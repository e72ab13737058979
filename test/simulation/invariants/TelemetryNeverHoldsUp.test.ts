import { assert, describe, it } from "@effect/vitest"
import type { Fault } from "../../../src/simulation/faults/Fault.ts"
import { telemetryNeverHoldsUp } from "../../../src/simulation/invariants/TelemetryNeverHoldsUp.ts"
import type { ExportEnding, Observation } from "../../../src/simulation/observation/Observation.ts"
import { run } from "../../../src/simulation/run/Simulation.ts"
import { telemetry } from "../../../src/simulation/scenarios/TelemetryDown.ts"
import { watch } from "../fixtures/Watching.ts"

const began = (number: number, process = 1): Observation => ({ _tag: "ExportBegan", process, number, spans: 5 })
const ended = (
  number: number,
  ending: ExportEnding,
  { dropped = 0, made = 5, process = 1, received = 5 } = {}
): Observation => ({ _tag: "ExportEnded", process, number, spans: 5, ending, made, received, dropped })

const alert = { fingerprint: "a", startsAt: "2026-11-24T03:00:00.000Z" }
const about = { namespace: "prod", kind: "Deployment", name: "app-1" }
const sent: Observation = { _tag: "AlertSent", alert, firing: true, about }
const answered: Observation = { _tag: "AlertAnswered", alert, firing: true, status: "accepted" }
const fault = (kind: string): Fault => ({ kind, atMs: 0, forMs: 0, parameters: {} })

/** The reports about these observations, each at its time. */
const reports = (...seen: ReadonlyArray<readonly [ms: number, observation: Observation]>): ReadonlyArray<string> => {
  const watching = watch(telemetryNeverHoldsUp, telemetry)
  for (const [ms, observation] of seen) watching.at(ms, observation)
  return watching.reports
}

describe("telemetry-never-holds-up", () => {
  it("reports two exports in flight at once", () => {
    assert.lengthOf(reports([1, began(1)], [2, began(2)]), 1)
    assert.lengthOf(reports([1, began(1)], [2, ended(1, "taken")], [3, began(2)], [4, began(1, 2)]), 0)
  })

  it("reports an export that is not given up after ten seconds, unless another fault delays the process", () => {
    assert.lengthOf(reports([1, began(1)], [12_000, ended(1, "given-up")]), 1)
    assert.lengthOf(reports([1, began(1)], [10_001, ended(1, "given-up")]), 0)
    assert.lengthOf(
      reports(
        [0, { _tag: "FaultBegan", fault: fault("process-pause") }],
        [1, began(1)],
        [12_000, ended(1, "given-up")]
      ),
      0
    )
  })

  it("reports an export that follows a failed one within a second", () => {
    for (const ending of ["not-now", "given-up"] as const)
      assert.lengthOf(reports([1, began(1)], [2, ended(1, ending)], [500, began(2)]), 1, ending)
    assert.lengthOf(reports([1, began(1)], [2, ended(1, "not-now")], [1_002, began(2)]), 0)
  })

  it("reports a queue beyond its capacity, and spans that are counted twice", () => {
    assert.lengthOf(reports([1, began(1)], [2, ended(1, "not-now", { made: 501, received: 0 })]), 1)
    assert.lengthOf(reports([1, began(1)], [2, ended(1, "not-now", { made: 501, received: 0, dropped: 1 })]), 0)
    assert.lengthOf(reports([1, began(1)], [2, ended(1, "taken", { made: 5, received: 5, dropped: 1 })]), 1)
  })

  it("reports a slow response to an alert while only telemetry fails", () => {
    const down: readonly [number, Observation] = [1, { _tag: "FaultBegan", fault: fault("telemetry-down") }]
    const exporting: readonly [number, Observation] = [2, began(1)]
    assert.lengthOf(reports(down, exporting, [130_000, sent], [133_000, answered]), 1)
    assert.lengthOf(reports(down, exporting, [130_000, sent], [131_000, answered]), 0)
    assert.lengthOf(
      reports(
        down,
        exporting,
        [3, { _tag: "FaultBegan", fault: fault("storage-down") }],
        [130_000, sent],
        [133_000, answered]
      ),
      0
    )
  })

  it("waits after healing until traces arrive again", () => {
    const watching = watch(telemetryNeverHoldsUp, telemetry)
    watching.at(1, began(1))
    watching.at(2, ended(1, "not-now"))
    assert.deepStrictEqual(watching.pending(), [])
    watching.at(3, { _tag: "HealingBegan" })
    assert.deepStrictEqual(watching.pending(), ["traces are not exported again"])
    watching.at(2_000, began(2))
    watching.at(2_001, ended(2, "taken"))
    assert.deepStrictEqual(watching.pending(), [])
  })

  it("holds over five seeds that drop spans and end exports in every way, and a seed reproduces its run", () => {
    const endings = new Set<ExportEnding>()
    let dropped = 0
    for (const seed of [1, 2, 3, 4, 5]) {
      const { pending, violations } = run({
        seed,
        scenario: telemetry,
        onMade: ({ observations }) =>
          observations.subscribe({
            ExportEnded: (seen) => {
              endings.add(seen.ending)
              dropped = Math.max(dropped, seen.dropped)
            }
          })
      })
      assert.deepStrictEqual({ seed, violations, pending }, { seed, violations: [], pending: [] })
    }
    assert.deepStrictEqual([...endings].sort(), ["given-up", "not-now", "refused", "taken"])
    assert.isAbove(dropped, 0)
    assert.deepStrictEqual(run({ seed: 5, scenario: telemetry }), run({ seed: 5, scenario: telemetry }))
  }, 120_000)
})
