import { assert, describe, it } from "@effect/vitest"
import { Standstill } from "../../../src/simulation/observation/Standstill.ts"

describe("a paused process", () => {
  it("is late with work only after the moment in which it was due", () => {
    const standstill = new Standstill()
    assert.isFalse(standstill.isLate(10, 10))
    assert.isTrue(standstill.isLate(10, 11))
  })

  it("is not late while it has been paused since work was due, up to the moment in which it resumes", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    assert.isFalse(standstill.isLate(10, 100))
    assert.isTrue(standstill.isLate(10, 101))
  })

  it("is late with work that was due before the pause", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    assert.isTrue(standstill.isLate(9, 10))
    assert.isTrue(standstill.isLate(9, 100))
  })

  it("is not late with work that became due during the pause", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    assert.isFalse(standstill.isLate(50, 100))
  })

  it("joins a pause that begins in the moment in which the previous one ends, and none that begins later", () => {
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

  it("resumes at the end of its pause, and at once without one", () => {
    const standstill = new Standstill()
    assert.strictEqual(standstill.resumesAt(10), 10)
    standstill.paused(10, 90)
    assert.strictEqual(standstill.resumesAt(10), 100)
    assert.strictEqual(standstill.resumesAt(101), 101)
  })

  it("is forgotten once another process has booted", () => {
    const standstill = new Standstill()
    standstill.paused(10, 90)
    standstill.booted()
    assert.strictEqual(standstill.since(20), 20)
  })
})
