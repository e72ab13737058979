import { assert, describe, it } from "@effect/vitest"
import { down, ratio, up, watchedSince, windowMs } from "../../src/telemetry/Availability.ts"

describe("Availability", () => {
  it("is 1 for a service that was never down, however long it has been watched", () => {
    assert.strictEqual(ratio(watchedSince(0), 0), 1)
    assert.strictEqual(ratio(watchedSince(0), 10 * windowMs), 1)
  })

  it("is the share of the time in which the service was up", () => {
    const [record, recoveryMs] = up(down(watchedSince(0), 50_000), 75_000)
    assert.strictEqual(recoveryMs, 25_000)
    assert.strictEqual(ratio(record, 100_000), 0.75)
  })

  it("counts an outage that has not ended", () =>
    assert.strictEqual(ratio(down(watchedSince(0), 50_000), 100_000), 0.5))

  it("forgets outages that ended more than an hour ago", () => {
    const [record] = up(down(watchedSince(0), 0), 60_000)
    assert.strictEqual(ratio(record, windowMs + 60_000), 1)
    assert.strictEqual(ratio(record, windowMs + 30_000), 1 - 30_000 / windowMs)
    const [later] = up(down(record, 2 * windowMs), 2 * windowMs + 1)
    assert.strictEqual(later.outages.length, 1)
  })

  it("counts one outage from the first opening to the closing, re-openings included", () => {
    const [record, recoveryMs] = up(down(down(watchedSince(0), 10_000), 40_000), 70_000)
    assert.strictEqual(recoveryMs, 60_000)
    assert.strictEqual(record.outages.length, 1)
    assert.isUndefined(up(record, 80_000)[1])
  })
})
