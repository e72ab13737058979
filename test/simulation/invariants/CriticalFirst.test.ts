import { assert, describe, it } from "@effect/vitest"
import { criticalFirst } from "../../../src/simulation/invariants/CriticalFirst.ts"
import { committed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const arrived = (id: string, severity: string) => committed(id, { _tag: "Accepted", alert: { severity } } as never)
const started = (id: string) => committed(id, { _tag: "Started" })
const joined = (id: string, lead: string) => committed(id, { _tag: "Joined", joinedTo: lead } as never)

describe("critical-first", () => {
  it("reports a warning that starts while a critical alert waits", () => {
    const seen = watch(criticalFirst)
    seen.at(0, arrived("rem-1", "warning"))
    seen.at(1_000, arrived("rem-2", "critical"))
    seen.at(60_000, started("rem-1"))
    assert.deepStrictEqual(seen.reports, ["remediation rem-1 (warning) started before rem-2, which is critical"])
  })

  it("accepts a warning that has waited for five minutes longer", () => {
    const seen = watch(criticalFirst)
    seen.at(0, arrived("rem-1", "warning"))
    seen.at(300_000, arrived("rem-2", "critical"))
    seen.at(310_000, started("rem-1"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("accepts a warning that starts in the moment in which a critical alert arrives, or after it has started or joined", () => {
    const seen = watch(criticalFirst)
    seen.at(0, arrived("rem-1", "warning"), arrived("rem-2", "warning"), arrived("rem-3", "warning"))
    seen.at(1_000, arrived("rem-4", "critical"), arrived("rem-5", "critical"))
    seen.at(2_000, started("rem-1"))
    seen.at(60_000, started("rem-4"), joined("rem-5", "rem-0"), started("rem-2"), started("rem-3"))
    assert.deepStrictEqual(seen.reports, [])
  })

  it("takes a warning that a critical alert has joined for critical", () => {
    const seen = watch(criticalFirst)
    seen.at(0, arrived("rem-1", "warning"), arrived("rem-2", "warning"))
    seen.at(1_000, arrived("rem-3", "critical"), joined("rem-3", "rem-1"))
    seen.at(2_000, arrived("rem-4", "critical"))
    seen.at(60_000, started("rem-1"))
    assert.deepStrictEqual(seen.reports, [])
    seen.at(61_000, started("rem-4"), arrived("rem-5", "warning"))
    seen.at(62_000, joined("rem-5", "rem-2"), arrived("rem-6", "critical"), joined("rem-6", "rem-2"))
    seen.at(63_000, arrived("rem-7", "warning"))
    seen.at(90_000, started("rem-7"))
    assert.deepStrictEqual(seen.reports, ["remediation rem-7 (warning) started before rem-2, which is critical"])
  })
})
