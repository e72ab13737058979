import { assert, describe, it } from "@effect/vitest"
import { Standstill } from "../../../src/simulation/observation/Standstill.ts"

describe("a process that stands still", () => {
  it("is late with nothing in the moment in which it was due, and with everything in the next", () => {
    const standstill = new Standstill()
    assert.isFalse(standstill.isLate(10, 10))
    assert.isTrue(standstill.isLate(10, 11))
  })

  it("is not late while it stands still since the moment in which something was due, up to the moment in which it goes on", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    assert.isFalse(standstill.isLate(10, 100))
    assert.isTrue(standstill.isLate(10, 101))
  })

  it("is late with what was due before the moment in which it began to stand still", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    assert.isTrue(standstill.isLate(9, 10))
    assert.isTrue(standstill.isLate(9, 100))
  })

  it("is not late with what fell due while it stood still", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    assert.isFalse(standstill.isLate(50, 100))
  })

  it("has stood still all the time where a pause begins in the moment in which the one before ends, and not where it begins later", () => {
    const chained = new Standstill()
    chained.paused(10, 90)
    chained.paused(100, 50)
    assert.isFalse(chained.isLate(10, 150))
    assert.isTrue(chained.isLate(10, 151))

    const apart = new Standstill()
    apart.paused(10, 90)
    apart.paused(101, 50)
    assert.isTrue(apart.isLate(100, 151))
    assert.isFalse(apart.isLate(101, 151))
  })

  it("goes on at the end of its pause, and at once where there is none", () => {
    const standstill = new Standstill()
    assert.strictEqual(standstill.resumesAt(10), 10)
    standstill.paused(10, 90)
    assert.strictEqual(standstill.resumesAt(10), 100)
    assert.strictEqual(standstill.resumesAt(101), 101)
  })

  it("owes nothing of what the process before it did not do", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    standstill.booted()
    assert.strictEqual(standstill.since(20), 20)
  })
})
