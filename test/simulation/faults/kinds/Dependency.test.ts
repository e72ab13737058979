import { assert, describe, it } from "@effect/vitest"
import { during } from "../../fixtures/Outages.ts"

const all = { peers: ["holmesgpt", "llm:alpha", "llm:beta"] }

/**
 * Asserts that HolmesGPT and an LLM fail for the reason during the outage, that the rules investigate, and that
 * HolmesGPT answers again afterwards.
 */
const fails = (kind: string, more: Readonly<Record<string, string | number | boolean | null>>, reason: string) => {
  const seen = during(kind, { ...all, ...more })
  assert.deepStrictEqual(seen.violations, [])
  assert.include(seen.reasons("during", "holmesgpt"), reason)
  assert.include(seen.reasons("during", "llm", "beta"), reason)
  assert.deepStrictEqual(seen.reasons("during", "rules"), ["answered"])
  assert.include(seen.reasons("after", "holmesgpt"), "answered")
  return seen
}

describe("faults of dependencies", () => {
  it("service-down, error-storm: the models are unavailable, and the rules investigate", () => {
    fails("service-down", {}, "unavailable")
    fails("error-storm", { share: 1, status: 503, probes: true }, "unavailable")
  })

  it("dependency-hang, late-answer: calls are cut off at the deadline, whether or not an answer would come", () => {
    for (const seen of [
      fails("dependency-hang", { probes: true }, "timeout"),
      fails("late-answer", { byMs: 60_000 }, "timeout")
    ]) {
      assert.include(seen.endings("during", "holmesgpt"), "given-up")
      assert.isTrue(seen.calls.every(({ durationMs }) => durationMs <= 30_000))
    }
  })

  it("rate-limited: a hop ends within 30 s, however absurd the Retry-After is", () => {
    for (const retryAfter of [null, "1", "86400", "99999999999999999999", "soon"]) {
      const seen = fails("rate-limited", { share: 1, retryAfter }, "rate-limited")
      const longest = Math.max(
        ...seen.hops.filter(({ phase }) => phase === "during").map(({ hops }) => hops[0]!.durationMs)
      )
      // Five attempts of at most 5 s, and at most 1 s between two.
      assert.isBelow(longest, 30_000)
    }
  })

  it("authentication-failure: a call is not retried within its hop", () => {
    const seen = fails("authentication-failure", { status: 401 }, "authentication")
    const asked = seen.hops.flatMap(({ hops }) => hops).filter(({ reason }) => reason === "authentication")
    assert.isTrue(asked.every(({ attempts }) => attempts === 1))
  })

  it("flapping: calls fail while it is active, and succeed afterwards", () => {
    const seen = during("flapping", { peers: ["holmesgpt"], turnMs: 10_000 })
    assert.deepStrictEqual(seen.violations, [])
    assert.include(seen.endings("during", "holmesgpt"), "bad")
    assert.deepStrictEqual(seen.endings("after", "holmesgpt"), ["good"])
  })
})
