import { assert, describe, it } from "@effect/vitest"
import * as Lease from "../../src/notification/Lease.ts"

const row = (number: number, isHeld = true, id = 1) => ({ id, claim: { number, isHeld } })

const isFree = (lease: Lease.Lease, nowMs: number, id = 1) => Lease.freeAtMs(lease, id) <= nowMs

describe("a notification", () => {
  it("that nobody has claimed, or that was released, is free", () => {
    const lease = Lease.make()
    Lease.look(lease, [row(0, false), row(3, false, 2)], 1000)
    assert.isTrue(isFree(lease, 1000))
    assert.isTrue(isFree(lease, 1000, 2))
  })

  it("that another process has claimed is free when its claim was seen unchanged for the lease", () => {
    const lease = Lease.make()
    for (const nowMs of [1000, 10_000, 25_999]) {
      Lease.look(lease, [row(1)], nowMs)
      assert.isFalse(isFree(lease, nowMs))
    }
    assert.isTrue(isFree(lease, 26_000))
  })

  it("that is claimed once more by another process is waited for again", () => {
    const lease = Lease.make()
    Lease.look(lease, [row(1)], 0)
    Lease.look(lease, [row(2)], 20_000)
    assert.isFalse(isFree(lease, 44_999))
    assert.isTrue(isFree(lease, 45_000))
  })

  it("that this process has claimed is free for it, until another one has taken it over", () => {
    const lease = Lease.make()
    Lease.claimed(lease, [row(4, false)], 0)
    Lease.look(lease, [row(5)], 0)
    assert.isTrue(isFree(lease, 0))
    assert.deepStrictEqual(Lease.claims(lease), [{ id: 1, number: 5 }])
    Lease.look(lease, [row(6)], 1000)
    assert.isFalse(isFree(lease, 1000))
  })

  it("is waited for from the next look after the database has failed", () => {
    const lease = Lease.make()
    Lease.look(lease, [row(1)], 0)
    Lease.restart(lease)
    Lease.look(lease, [row(1)], 100_000)
    assert.isFalse(isFree(lease, 124_999))
  })

  it("that does not wait any more is forgotten", () => {
    const lease = Lease.make()
    Lease.claimed(lease, [row(0, false)], 0)
    Lease.look(lease, [row(1, true, 2)], 0)
    Lease.look(lease, [], 0)
    assert.deepStrictEqual([lease.mine.size, lease.seen.size], [0, 0])
  })

  it("that waits and was not read is not forgotten, so that its own process may try it as soon as it is due", () => {
    const lease = Lease.make()
    Lease.claimed(lease, [row(0, false)], 0)
    Lease.look(lease, [], 0, [1])
    Lease.look(lease, [row(1)], 60_000)
    assert.isTrue(isFree(lease, 60_000))
  })

  it("is sent within the time for which others wait for its claim", () => {
    assert.isAtMost(Lease.beginWithinMs + Lease.messageMs, Lease.leaseMs)
    assert.isAbove(Lease.beginWithinMs, 0)
  })

  it("is sent after a claim in time, and after the third in a row that took too long", () => {
    const lease = Lease.make()
    const took = (ms: number) => Lease.claimed(lease, [row(0, false)], ms)
    const [inTime, late] = [Lease.beginWithinMs, Lease.beginWithinMs + 1]
    assert.deepStrictEqual([late, late, inTime].map(took), [false, false, true])
    assert.deepStrictEqual([late, late, late, late, inTime, late].map(took), [false, false, true, true, true, false])
  })
})
