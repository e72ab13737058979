import { assert, describe, it } from "@effect/vitest"
import { ownLimitsSayNothing } from "../../../src/simulation/invariants/OwnLimitsSayNothing.ts"
import type { Observation } from "../../../src/simulation/observation/Observation.ts"
import { accepted, app, committed, executed } from "../fixtures/Journal.ts"
import { watch } from "../fixtures/Watching.ts"

const decidedBy = (id: string, rule: string) =>
  committed(id, { _tag: "Decided", decision: { outcome: "escalate", reasons: [{ rule, message: "" }] } } as never)
const verifiedBy = (id: string, reason: string) =>
  committed(id, { _tag: "Verified", verification: { verdict: "unknown", reasons: [reason] } } as never)

const fault = (kind: string) => ({ kind, forMs: 60_000, parameters: {} })
const began = (of: ReturnType<typeof fault>): Observation => ({ _tag: "FaultBegan", fault: of })
const healed = (of: ReturnType<typeof fault>): Observation => ({ _tag: "FaultHealed", fault: of })

describe("own-limits-say-nothing", () => {
  it.each([
    ["unobserved", decidedBy("rem-1", "unobserved")],
    ["owner-unread", decidedBy("rem-1", "owner-unread")],
    ["own-limit", executed("rem-1", { applied: "no", failure: "own-limit" })],
    ["unreadable: the cluster could not be read", verifiedBy("rem-1", "unreadable: the cluster could not be read")]
  ])("reports %s while nothing is wrong with the cluster", (statement, said) => {
    const seen = watch(ownLimitsSayNothing)
    seen.at(1_000, began(fault("own-overload")), accepted("rem-1"))
    seen.at(2_000, said)
    assert.deepStrictEqual(seen.reports, [
      `remediation rem-1 says ${statement}, and nothing was wrong with the cluster`
    ])
  })

  it("accepts it during another fault and for two minutes after it", () => {
    const seen = watch(ownLimitsSayNothing)
    const outage = fault("kubernetes-unavailable")
    seen.at(1_000, accepted("rem-1"), began(outage))
    seen.at(2_000, decidedBy("rem-1", "unobserved"))
    seen.at(60_000, healed(outage))
    seen.at(100_000, accepted("rem-2"), decidedBy("rem-2", "unobserved"))
    assert.deepStrictEqual(seen.reports, [])
    seen.at(190_000, accepted("rem-3"), decidedBy("rem-3", "unobserved"))
    assert.strictEqual(seen.reports.length, 1)
  })

  it("accepts other reasons, and an alert that names no object", () => {
    const seen = watch(ownLimitsSayNothing)
    seen.at(1_000, accepted("rem-1"), decidedBy("rem-1", "target-missing"))
    seen.at(2_000, accepted("rem-2", { ...app, kind: "Alert" }), decidedBy("rem-2", "unobserved"))
    assert.deepStrictEqual(seen.reports, [])
  })
})
