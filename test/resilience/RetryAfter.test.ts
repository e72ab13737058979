import { assert, describe, it } from "@effect/vitest"
import { retryAfterMs } from "../../src/resilience/RetryAfter.ts"

const date = "Wed, 21 Oct 2026 07:27:50 GMT"
const in10s = "Wed, 21 Oct 2026 07:28:00 GMT"
const nowMs = Date.UTC(2026, 9, 21, 7, 27, 30)

describe("Retry-After", () => {
  it.each([
    ["seconds", "3", 3000],
    ["seconds with spaces around", " 3 ", 3000],
    ["a fraction of a second", "0.5", 500],
    ["a date", in10s, 10_000],
    ["a date in the form of RFC 850", "Wednesday, 21-Oct-26 07:28:00 GMT", 10_000],
    ["a date in the form of asctime, which means GMT", "Wed Oct 21 07:28:00 2026", 10_000],
    ["a date in the past, which means now", "Wed, 21 Oct 2026 07:00:00 GMT", 0],
    ["an empty value", "", undefined],
    ["a blank value", "  ", undefined],
    ["a negative number", "-3", undefined],
    ["a word", "soon", undefined],
    ["a weekday without a date", "Wednesday", undefined],
    ["no header", null, undefined]
  ])("reads %s", (_what, header, expected) => {
    assert.strictEqual(retryAfterMs(header, { date, nowMs }), expected)
  })

  it("counts a date from the response's own date, not from our clock", () => {
    assert.strictEqual(retryAfterMs(in10s, { date, nowMs: nowMs + 86_400_000 }), 10_000)
  })

  it("counts a date from our clock if the response has no date, and ignores it if both are absent", () => {
    assert.strictEqual(retryAfterMs(in10s, { nowMs }), 30_000)
    assert.isUndefined(retryAfterMs(in10s))
  })
})
