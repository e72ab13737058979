import { assert, describe, it } from "@effect/vitest"
import { during } from "../../fixtures/Outages.ts"

const all = { peers: ["holmesgpt", "llm:alpha", "llm:beta"] }

/**
 * Asserts that HolmesGPT and an LLM fail for the reason during the outage, that the rules investigate, and that
 * HolmesGPT answers again afterwards.
 */
const fails = (
  kind: string,
  more: Readonly<Record<string, string | number | boolean | null>>,
  reason: string,
  reasonAtLlm = reason
) => {
  const seen = during(kind, { ...all, ...more })
  assert.deepStrictEqual(seen.violations, [])
  assert.include(seen.reasons("during", "holmesgpt"), reason)
  assert.include(seen.reasons("during", "llm", "beta"), reasonAtLlm)
  assert.deepStrictEqual(seen.reasons("during", "rules"), ["answered"])
  assert.include(seen.reasons("after", "holmesgpt"), "answered")
  return seen
}

describe("faults of dependencies", () => {
  it("error-storm: the models are unavailable, and the rules investigate", () => {
    fails("error-storm", { share: 1, status: 503, probes: false }, "unavailable")
  })

  it("service-down, error-storm with probes: health checks find a model that is out, although nobody asks it", () => {
    for (const [kind, more] of [
      ["service-down", {}],
      ["error-storm", { share: 1, status: 503, probes: true }]
    ] as const) {
      fails(kind, more, "unavailable", "circuit-open")
      const seen = during(kind, { peers: ["llm:beta"], ...more })
      assert.deepStrictEqual(seen.violations, [])
      assert.deepStrictEqual(seen.endings("during", "llm:beta"), [])
      assert.deepStrictEqual(seen.endings("during", "llm:beta", "probe"), ["bad"])
      // Five failures open a circuit.
      const probes = seen.calls.filter(({ call, phase }) => phase === "during" && call.peer === "llm:beta")
      assert.isAtLeast(probes.length, 5)
    }
  })

  it("dependency-hang, late-answer: a model without a first sign is left after ten seconds", () => {
    for (const seen of [
      fails("dependency-hang", { probes: true }, "silent"),
      fails("late-answer", { byMs: 60_000 }, "silent")
    ]) {
      assert.include(seen.endings("during", "holmesgpt"), "given-up")
      const abandoned = seen.calls.filter(({ ending }) => ending === "given-up")
      assert.isTrue(abandoned.every(({ durationMs }) => durationMs <= 10_000))
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

  it("authentication-failure: a call is not retried within its hop, nor by another tier with the same key", () => {
    const seen = fails("authentication-failure", { status: 401 }, "authentication", "wrong-key")
    const asked = seen.hops.flatMap(({ hops }) => hops).filter(({ reason }) => reason === "authentication")
    assert.isTrue(asked.every(({ attempts }) => attempts === 1))
  })

  it("probes-lie: probes succeed while calls fail, and fail while calls succeed", () => {
    for (const [says, probes, calls] of [
      ["well", "good", "bad"],
      ["ill", "bad", "good"]
    ] as const) {
      const seen = during("probes-lie", { peers: ["holmesgpt"], says })
      assert.deepStrictEqual(seen.violations, [])
      assert.include(seen.endings("during", "holmesgpt"), calls)
      assert.isTrue(seen.endings("during", "holmesgpt", "probe").every((ending) => ending === probes))
      assert.include(seen.reasons("after", "holmesgpt"), "answered")
    }
  })

  it("flapping: calls fail while it is active, and succeed afterwards", () => {
    const seen = during("flapping", { peers: ["holmesgpt"], turnMs: 10_000 })
    assert.deepStrictEqual(seen.violations, [])
    assert.include(seen.endings("during", "holmesgpt"), "bad")
    assert.deepStrictEqual(seen.endings("after", "holmesgpt"), ["good"])
  })
})
