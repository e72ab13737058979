import { assert, describe, it } from "@effect/vitest"
import type { Mode } from "../../../src/domain/Mode.ts"
import { modeRespected } from "../../../src/simulation/invariants/ModeRespected.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { app, intended, reviewed, written } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const booted = (number: number, mode: Mode): Observation => ({
  _tag: "ProcessBooted",
  process: "service",
  number,
  mode
})
const writtenBy = (process: number, execution = "rem-1-1"): Observation =>
  ({ ...written(app, execution), process }) as Observation

describe("mode-respected", () => {
  it("reports a write in observe, even one that was intended in auto", () => {
    const seen = watch(modeRespected)
    seen.at(1, booted(1, "auto"), intended("rem-1", app), booted(2, "observe"), writtenBy(2))
    assert.deepStrictEqual(seen.reports, ["Patch of Deployment app-1 was sent in mode observe"])
  })

  it("reports an unapproved write in approve, and accepts an approved one", () => {
    const seen = watch(modeRespected)
    seen.at(
      1,
      booted(1, "approve"),
      reviewed("rem-2", "rejected"),
      reviewed("rem-1", "approved"),
      writtenBy(1),
      writtenBy(1, "rem-2-1")
    )
    assert.deepStrictEqual(seen.reports, [
      "Patch of Deployment app-1 was sent in mode approve and nobody had approved it"
    ])
  })

  it("accepts a write of a process in auto that arrives after a restart in observe", () => {
    const seen = watch(modeRespected)
    seen.at(1, booted(1, "auto"), booted(2, "observe"), writtenBy(1))
    assert.deepStrictEqual(seen.reports, [])
  })
})
