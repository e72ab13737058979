import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { reasonOfStatus } from "../../../src/investigation/models/providers/SdkLanguageModel.ts"

const waitMs = (headers: Readonly<Record<string, string>>, nowMs?: number): number | undefined => {
  const reason = reasonOfStatus({
    status: 429,
    headers: { get: (name) => headers[name] ?? null },
    nowMs,
    subject: undefined
  })
  if (reason._tag !== "RateLimitError") throw new Error(reason._tag)
  return reason.retryAfter === undefined ? undefined : Duration.toMillis(reason.retryAfter)
}

describe("a provider's rate limit", () => {
  it("waits for retry-after-ms rather than for retry-after", () => {
    assert.strictEqual(waitMs({ "retry-after-ms": "250", "retry-after": "3" }), 250)
  })

  it("waits for retry-after where retry-after-ms is empty, blank, negative or a word", () => {
    for (const value of ["", " ", "-1", "soon", "NaN", "Infinity"])
      assert.strictEqual(waitMs({ "retry-after-ms": value, "retry-after": "3" }), 3000, value)
  })

  it("waits for a date in retry-after", () => {
    const headers = { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }
    assert.strictEqual(waitMs({ ...headers, date: "Wed, 21 Oct 2026 07:27:55 GMT" }), 5000)
    assert.strictEqual(waitMs(headers, Date.UTC(2026, 9, 21, 7, 27, 58)), 2000)
  })
})
