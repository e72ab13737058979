import { assert, describe, it } from "@effect/vitest"
import { clientOf, RateLimit } from "../../src/http/RateLimit.ts"

describe("RateLimit", () => {
  it("allows a burst, then the configured rate", () => {
    const limit = new RateLimit({ perSecond: 2, burst: 3 })
    assert.deepStrictEqual(
      [0, 0, 0, 0].map(() => limit.take("a", 0)),
      [0, 0, 0, 500]
    )
    assert.strictEqual(limit.take("a", 499), 1)
    assert.strictEqual(limit.take("a", 500), 0)
  })

  it("limits each IPv4 address and each IPv6 /64 separately", () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 })
    assert.strictEqual(limit.take("a", 0), 0)
    assert.strictEqual(limit.take("b", 0), 0)
    assert.isAbove(limit.take("a", 0), 0)
    assert.strictEqual(clientOf("2001:db8:1:2:3:4:5:6"), clientOf("2001:db8:1:2:ffff::1"))
    assert.notStrictEqual(clientOf("2001:db8:1:2:3:4:5:6"), clientOf("2001:db8:1:3:3:4:5:6"))
    assert.strictEqual(clientOf("::ffff:10.0.0.1"), "::ffff:10.0.0.1")
  })

  it("remembers a bounded number of addresses", () => {
    const limit = new RateLimit({ maxClients: 10 })
    for (let index = 0; index < 1000; index++) limit.take(`10.0.0.${index}`, index)
    assert.strictEqual(limit.clients, 10)
  })

  it("adds no tokens when the clock goes backwards", () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1 })
    assert.strictEqual(limit.take("a", 10_000), 0)
    assert.isAbove(limit.take("a", 0), 0)
  })
})
