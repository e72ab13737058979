import { assert, describe, it } from "@effect/vitest"
import { noAlertLost } from "../../../src/simulation/invariants/NoAlertLost.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { watch } from "../fixtures/Watching.ts"

const stored = (sequence: number): Observation => ({
  _tag: "SpoolStored",
  spool: "s",
  sequence,
  alerts: [{ fingerprint: "f", firing: true }]
})
const erased = (sequence: number): Observation => ({ _tag: "SpoolErased", spool: "s", sequence })
const acknowledged = { _tag: "AlertAnswered", alert: { fingerprint: "f" }, firing: true, spooled: true } as never

describe("entries of the spool that are erased before their replay", () => {
  it("are no loss where nobody was told of them", () => {
    const { at, reports } = watch(noAlertLost)
    at(0, stored(1), acknowledged, stored(2), erased(2))
    assert.deepStrictEqual(reports, [])
  })

  it("are a loss where the alert was acknowledged", () => {
    const { at, reports } = watch(noAlertLost)
    at(0, stored(1), acknowledged, erased(1))
    assert.deepStrictEqual(reports, [
      "alert f was acknowledged as spooled, and was erased before it was in the database"
    ])
  })
})
