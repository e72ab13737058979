import { assert, describe, it } from "@effect/vitest"
import { ownClusterOnly } from "../../../src/simulation/invariants/OwnClusterOnly.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { app, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const fault = (tag: "FaultBegan" | "FaultHealed", kind = "cluster-replaced"): Observation =>
  ({ _tag: tag, fault: { kind, number: 1, parameters: {} } }) as unknown as Observation

describe("own-cluster-only", () => {
  it("reports a write that is sent when another cluster has been there for longer than a call may take", () => {
    const seen = watch(ownClusterOnly)
    seen.at(1_000, fault("FaultBegan"))
    seen.at(60_000, written(app, "rem-1-1"))
    assert.deepStrictEqual(seen.reports, [])
    seen.at(92_000, written(app, "rem-1-2"))
    assert.deepStrictEqual(seen.reports, [
      "Patch of Deployment app-1 was sent 91000 ms after another cluster had taken the place of its own"
    ])
  })

  it("accepts writes before it, after it, and during other faults", () => {
    const seen = watch(ownClusterOnly)
    seen.at(1_000, written(app, "rem-1-1"), fault("FaultBegan"), fault("FaultHealed"), fault("FaultBegan", "x"))
    seen.at(200_000, written(app, "rem-1-2"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("counts a write that waited in a paused process from the beginning of the pause", () => {
    const seen = watch(ownClusterOnly)
    const resumed = { ...written(app, "rem-1-1"), process: 1 } as Observation
    seen.at(1_000, fault("FaultBegan"))
    seen.at(2_000, { _tag: "ProcessPaused", process: "service", number: 1, forMs: 137_000 })
    seen.at(139_000, resumed)
    assert.deepStrictEqual(seen.reports, [])
    seen.at(140_000, resumed)
    assert.lengthOf(seen.reports, 1)
  })
})
