import { assert, describe, it } from "@effect/vitest"
import { gapsNeverQuiet } from "../../../src/simulation/invariants/GapsNeverQuiet.ts"
import { committed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const startMs = Date.UTC(2026, 10, 24, 3)
const time = (ms: number) => new Date(startMs + ms).toISOString()
const hourMs = 3_600_000

/** What is reported of a finding about the second hour, where so much was not seen. */
const reportsOf = (
  unseenIntervals: ReadonlyArray<{ readonly kind: string; readonly fromMs: number; readonly toMs: number }>,
  { finding = "nothing-changed", neverHeard = "" } = {}
) => {
  const watches = { unseenIntervals, lastHeardMs: (kind: string) => (kind === neverHeard ? undefined : hourMs) }
  const seen = watch(gapsNeverQuiet, undefined, { farEnds: { cluster: { watches } } })
  seen.at(
    2 * hourMs,
    committed("rem-1", {
      _tag: "Investigated",
      suspects: { finding, ranked: [], since: time(hourMs), symptomAt: time(2 * hourMs), gaps: [], unread: [] }
    } as never)
  )
  return seen.reports.length
}

const first = { kind: "Service", fromMs: -Infinity, toMs: 17 }

describe("gaps-never-quiet", () => {
  it("accepts that nothing changed where the watch was alive, whatever was missed before", () => {
    assert.strictEqual(reportsOf([first, { kind: "Service", fromMs: 1_000, toMs: 2_000 }]), 0)
  })

  it("reports it where the watch had to list again, was begun too late, or never began", () => {
    assert.strictEqual(reportsOf([first, { kind: "Service", fromMs: hourMs - 1, toMs: hourMs + 5_000 }]), 1)
    assert.strictEqual(reportsOf([{ ...first, toMs: hourMs + 1 }]), 1)
    assert.strictEqual(reportsOf([first], { neverHeard: "ResourceQuota" }), 1)
  })

  it("accepts that it is unknown", () => {
    assert.strictEqual(reportsOf([{ ...first, toMs: hourMs + 1 }], { finding: "unknown" }), 0)
  })
})
