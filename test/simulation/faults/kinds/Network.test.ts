import { assert, describe, it } from "@effect/vitest"
import { during } from "../../fixtures/Outages.ts"

const holmesgpt = { peers: ["holmesgpt"] }

describe("faults of the network", () => {
  it("network-partition: hops wait for their deadline until the breaker opens, and LLMs answer", () => {
    for (const lost of ["requests", "answers", "both"]) {
      const seen = during("network-partition", { ...holmesgpt, lost })
      assert.deepStrictEqual(seen.violations, [])
      assert.deepStrictEqual(seen.endings("during", "holmesgpt"), ["given-up"])
      assert.deepStrictEqual(seen.reasons("during", "holmesgpt"), ["circuit-open", "timeout"])
      assert.deepStrictEqual(seen.endings("during", "llm:alpha"), ["good"])
      assert.include(seen.reasons("after", "holmesgpt"), "answered")
    }
  })

  it("network-latency: calls take longer while it is active", () => {
    const { calls, violations } = during("network-latency", { ...holmesgpt, mostMs: 10_000 })
    assert.deepStrictEqual(violations, [])
    const mean = (phase: string) => {
      const times = calls
        .filter((each) => each.phase === phase && each.call.purpose === "work")
        .map(({ durationMs }) => durationMs)
      return times.reduce((sum, ms) => sum + ms, 0) / times.length
    }
    assert.isAbove(mean("during"), mean("before") + 5_000)
    assert.isBelow(mean("after"), mean("during") - 5_000)
  })

  it("network-loss: some calls fail, and some succeed", () => {
    const seen = during("network-loss", { ...holmesgpt, share: 0.9 })
    assert.deepStrictEqual(seen.violations, [])
    assert.includeMembers([...seen.endings("during", "holmesgpt")], ["bad", "good"])
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

  it("truncated-body: half of a body is a failure at every peer", () => {
    const seen = during("truncated-body", { peers: ["holmesgpt", "llm:alpha", "llm:beta"], endsAfter: 0.5 })
    assert.deepStrictEqual(seen.violations, [])
    for (const peer of ["holmesgpt", "llm:alpha", "llm:beta"])
      assert.deepStrictEqual(seen.endings("during", peer), ["bad"])
    assert.deepStrictEqual(seen.reasons("during", "rules"), ["answered"])
    assert.deepStrictEqual(seen.reasons("after", "holmesgpt"), ["answered"])
  })
})
