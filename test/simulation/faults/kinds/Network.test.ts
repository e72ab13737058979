import { assert, describe, it } from "@effect/vitest"
import { during } from "../../fixtures/Outages.ts"

const holmesgpt = { peers: ["holmesgpt"] }

describe("faults of the network", () => {
  it("network-partition: HolmesGPT is silent until the breaker opens, and LLMs answer", () => {
    for (const lost of ["requests", "answers", "both"]) {
      const seen = during("network-partition", { ...holmesgpt, lost })
      assert.deepStrictEqual(seen.violations, [])
      assert.deepStrictEqual(seen.endings("during", "holmesgpt"), ["given-up"])
      assert.deepStrictEqual(seen.reasons("during", "holmesgpt"), ["circuit-open", "silent"])
      assert.deepStrictEqual(seen.endings("during", "llm:alpha"), ["good"])
      assert.include(seen.reasons("after", "holmesgpt"), "answered")
    }
  })

  it("total-isolation: no call succeeds, the rules investigate, and afterwards HolmesGPT answers", () => {
    for (const how of ["refused", "silent"]) {
      const seen = during("total-isolation", { how })
      assert.deepStrictEqual(seen.violations, [])
      for (const peer of ["holmesgpt", "llm:alpha", "llm:beta"])
        assert.notInclude([...seen.endings("during", peer), ...seen.endings("during", peer, "probe")], "good")
      assert.include(seen.reasons("after", "holmesgpt"), "answered")
    }
  })

  it("network-latency: calls take longer while it is active", () => {
    const { calls, violations } = during("network-latency", { ...holmesgpt, mostMs: 4_000 })
    assert.deepStrictEqual(violations, [])
    const mean = (phase: string) => {
      const times = calls
        .filter((each) => each.phase === phase && each.call.purpose === "work")
        .map(({ durationMs }) => durationMs)
      return times.reduce((sum, ms) => sum + ms, 0) / times.length
    }
    assert.isAbove(mean("during"), mean("before") + 2_000)
    assert.isBelow(mean("after"), mean("during") - 2_000)
  })

  it("network-loss: some calls are left without a first sign, and some succeed", () => {
    const seen = during("network-loss", { ...holmesgpt, share: 0.9 })
    assert.deepStrictEqual(seen.violations, [])
    assert.includeMembers([...seen.endings("during", "holmesgpt")], ["given-up", "good"])
    assert.deepStrictEqual(seen.endings("after", "holmesgpt"), ["good"])
  })

  it("connection-reset, dns-failure: calls fail as unavailable and are retried, until the breaker opens", () => {
    for (const [kind, more] of [
      ["connection-reset", { share: 1 }],
      ["dns-failure", { afterMs: 5000 }]
    ] as const) {
      const seen = during(kind, { ...holmesgpt, ...more })
      assert.deepStrictEqual(seen.violations, [])
      assert.deepStrictEqual(seen.endings("during", "holmesgpt"), ["bad"])
      assert.deepStrictEqual(seen.reasons("during", "holmesgpt"), ["circuit-open", "unavailable"])
      assert.isTrue(seen.hops.some(({ hops, phase }) => phase === "during" && hops[0]!.attempts > 1))
      assert.include(seen.reasons("after", "holmesgpt"), "answered")
    }
  })

  it("network-partition of the cluster: investigations wait for it, and HolmesGPT answers afterwards", () => {
    const seen = during("network-partition", { peers: ["cluster"], lost: "answers" })
    assert.deepStrictEqual(seen.violations, [])
    assert.deepStrictEqual(seen.endings("during", "holmesgpt"), [])
    assert.deepStrictEqual(seen.endings("after", "holmesgpt"), ["good"])
  })

  it("slow-loris: a body that trickles is cut off at the deadline", () => {
    const seen = during("slow-loris", { ...holmesgpt, pauseMs: 10_000 })
    assert.deepStrictEqual(seen.violations, [])
    assert.deepStrictEqual(seen.endings("during", "holmesgpt"), ["given-up"])
    assert.isTrue(seen.calls.every(({ durationMs }) => durationMs <= 30_000))
  })

  it("truncated-body: half of a body is a failure at every peer, for calls and for probes", () => {
    const seen = during("truncated-body", { peers: ["holmesgpt", "llm:alpha", "llm:beta"], endsAfter: 0.5 })
    assert.deepStrictEqual(seen.violations, [])
    assert.deepStrictEqual(seen.endings("during", "holmesgpt"), ["bad"])
    // Whether a hop comes to an LLM before its probes have opened its breaker depends on the moment.
    for (const peer of ["llm:alpha", "llm:beta"]) {
      const endings = [...seen.endings("during", peer), ...seen.endings("during", peer, "probe")]
      assert.deepStrictEqual([...new Set(endings)], ["bad"], peer)
    }
    for (const reason of [...seen.reasons("during", "llm", "alpha"), ...seen.reasons("during", "llm", "beta")])
      assert.include(["circuit-open", "host-unreachable", "unavailable"], reason)
    assert.deepStrictEqual(seen.reasons("during", "rules"), ["answered"])
    assert.deepStrictEqual(seen.reasonsOfCalls("after", "holmesgpt"), ["answered"])
  })
})
