import { assert, describe, it } from "@effect/vitest"
import { stopRespected } from "../../../src/simulation/invariants/StopRespected.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { app, intended, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const stop = (set: boolean): Observation => ({ _tag: "EmergencyStop", set })

describe("stop-respected", () => {
  it("reports the first write of an action that is sent after the stop", () => {
    const seen = watch(stopRespected)
    seen.at(1_000, intended("rem-1", app), stop(true))
    seen.at(62_000, written(app, "rem-1-1"))
    assert.deepStrictEqual(seen.reports, [
      "Patch of Deployment app-1 began rem-1-1 61 s after the emergency stop was set"
    ])
  })

  it("accepts a write that was under way, the second write of an action, a rollback, and all after the stop is lifted", () => {
    const seen = watch(stopRespected)
    seen.at(1_000, intended("rem-1", app), written(app, "rem-1-1"), stop(true))
    seen.at(31_000, written(app, "rem-2-1"))
    seen.at(91_000, written(app, "rem-1-1"), written(app, "rem-1-1-rollback-1"))
    seen.at(92_000, stop(false), written(app, "rem-3-1"))
    assert.deepStrictEqual(seen.reports, [])
  })
})
