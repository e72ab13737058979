/** What `kubernaut_reviews_total` counts. */

import { assert, describe, it } from "@effect/vitest"
import type { Remediation } from "../../src/domain/Remediation.ts"
import { Instruments } from "../../src/telemetry/Instruments.ts"

const counted = async (...changes: ReadonlyArray<Parameters<Instruments["onRemediation"]>[0]>) => {
  const instruments = new Instruments({ services: [], nowMs: () => 0, spansDropped: () => 0, processMetrics: false })
  changes.forEach(instruments.onRemediation)
  const metric = (await instruments.registry.getMetricsAsJSON()).find(({ name }) => name === "kubernaut_reviews_total")
  return Object.fromEntries(
    (metric?.values ?? []).map(({ labels, value }) => [(labels as { outcome: string }).outcome, value])
  )
}

const reviewed = (answer: string) => ({ review: { answer } }) as unknown as Remediation

describe("kubernaut_reviews_total", () => {
  it("counts approvals, rejections, timeouts and expiries apart, from zero", async () => {
    assert.deepStrictEqual(await counted(), { approved: 0, rejected: 0, "timed-out": 0, expired: 0 })
    assert.deepStrictEqual(
      await counted(
        { event: "Reviewed", remediation: reviewed("approved") },
        { event: "Reviewed", remediation: reviewed("rejected") },
        { event: "ReviewTimedOut", remediation: reviewed("approved") },
        { event: "ApprovalExpired", remediation: reviewed("approved") },
        { event: "Decided", remediation: reviewed("approved") }
      ),
      { approved: 1, rejected: 1, "timed-out": 1, expired: 1 }
    )
  })
})
