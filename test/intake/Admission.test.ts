import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { admits, defaultRateLimit, fullBucket, takeTokens } from "../../src/intake/Admission.ts"

describe("admission by severity", () => {
  it.each([
    { open: 0, admitted: ["critical", "warning", "info", "none"] },
    { open: 49, admitted: ["critical", "warning", "info", "none"] },
    { open: 50, admitted: ["critical", "warning"] },
    { open: 79, admitted: ["critical", "warning"] },
    { open: 80, admitted: ["critical"] },
    { open: 99, admitted: ["critical"] },
    { open: 100, admitted: [] }
  ])("with $open of 100 open, it admits $admitted", ({ admitted, open }) => {
    const severities = ["critical", "warning", "info", "none"] as const
    assert.deepStrictEqual(
      severities.filter((severity) => admits(severity, open, { capacity: 100 })),
      admitted
    )
  })

  it.prop("never refuses a severe alert when it admits a less severe one", [Schema.Int], ([open]) => {
    const order = (["none", "info", "warning", "critical"] as const).map((severity) => admits(severity, Math.abs(open)))
    assert.deepStrictEqual(
      order,
      order.toSorted((a, b) => Number(a) - Number(b))
    )
  })
})

describe("a token bucket", () => {
  const limit = { perSecond: 10, burst: 100 }

  it("admits a burst and then the sustained rate, and returns when to retry", () => {
    const first = takeTokens(fullBucket(limit, 0), 100, 0, limit)
    assert.isUndefined(first.retryAfterMs)
    const second = takeTokens(first.bucket, 5, 0, limit)
    assert.strictEqual(second.retryAfterMs, 500)
    assert.strictEqual(takeTokens(second.bucket, 5, 499, limit).retryAfterMs, 1)
    assert.isUndefined(takeTokens(second.bucket, 5, 500, limit).retryAfterMs)
  })

  it("takes no tokens for a refused post", () => {
    const empty = takeTokens(fullBucket(limit, 0), 100, 0, limit).bucket
    const refused = takeTokens(takeTokens(empty, 50, 0, limit).bucket, 50, 0, limit).bucket
    assert.strictEqual(refused.tokens, 0)
  })

  it("admits a post larger than the burst when it is full, and makes the source wait afterwards", () => {
    const { bucket, retryAfterMs } = takeTokens(fullBucket(limit, 0), 150, 0, limit)
    assert.isUndefined(retryAfterMs)
    assert.strictEqual(takeTokens(bucket, 1, 0, limit).retryAfterMs, 5100)
  })

  it("gains no tokens when the clock moves backwards", () => {
    const empty = takeTokens(fullBucket(limit, 1000), 100, 1000, limit).bucket
    assert.strictEqual(takeTokens(takeTokens(empty, 1, 0, limit).bucket, 1, 1000, limit).retryAfterMs, 100)
  })

  it("admits the largest post by default", () => {
    assert.isUndefined(takeTokens(fullBucket(defaultRateLimit, 0), 10_000, 0, defaultRateLimit).retryAfterMs)
  })

  it.prop(
    "never admits more than the burst plus the rate",
    [Schema.Array(Schema.Struct({ ms: Schema.Int, count: Schema.Int }))],
    ([calls]) => {
      let bucket = fullBucket(limit, 0)
      let nowMs = 0
      let through = 0
      for (const { count, ms } of calls) {
        nowMs += Math.abs(ms) % 5000
        const wanted = Math.abs(count) % 100
        const taken = takeTokens(bucket, wanted, nowMs, limit)
        bucket = taken.bucket
        if (taken.retryAfterMs === undefined) through += wanted
      }
      assert.isAtMost(through, limit.burst + (nowMs * limit.perSecond) / 1000 + 1e-6)
    }
  )
})
