import { assert, describe, it } from "@effect/vitest"
import { during } from "../../fixtures/Outages.ts"

const all = { peers: ["holmesgpt"], share: 1 }

describe("faults of HolmesGPT's stream", () => {
  for (const [kind, reason, ending] of [
    ["silent-stream", "silent", "given-up"],
    ["stream-cut", "unavailable", "bad"],
    ["step-limit", "step-limit", "neither"],
    ["tool-loop", "tool-loop", "given-up"]
  ] as const) {
    it(`${kind}: HolmesGPT fails with ${reason} in one call a hop, and an LLM answers`, () => {
      const seen = during(kind, all)
      assert.deepStrictEqual(seen.violations, [])
      assert.deepStrictEqual(seen.reasonsOfCalls("during", "holmesgpt"), [reason])
      assert.deepStrictEqual(seen.endings("during", "holmesgpt"), [ending])
      assert.deepStrictEqual(seen.reasonsOfCalls("during", "llm", "alpha"), ["answered"])
      const failed = seen.hops.flatMap(({ hops }) => hops).filter((hop) => hop.reason === reason)
      assert.isTrue(failed.every(({ attempts }) => attempts === 1))
      assert.deepStrictEqual(seen.reasonsOfCalls("after", "holmesgpt"), ["answered"])
    })
  }

  it("stalled-stream: HolmesGPT has its whole time, and what it had found goes to an LLM", () => {
    const seen = during("stalled-stream", all)
    assert.deepStrictEqual(seen.violations, [])
    assert.deepStrictEqual(seen.reasonsOfCalls("during", "holmesgpt"), ["timeout"])
    assert.deepStrictEqual(seen.endings("during", "holmesgpt"), ["given-up"])
    assert.deepStrictEqual(seen.reasonsOfCalls("during", "llm", "alpha"), ["answered"])
    assert.deepStrictEqual(seen.reasonsOfCalls("after", "holmesgpt"), ["answered"])
  })

  it("rotated-key: no hop fails if the file has the new key at once", () => {
    const seen = during("rotated-key", { fileAfterMs: 0 })
    assert.deepStrictEqual(seen.violations, [])
    assert.deepStrictEqual(seen.reasonsOfCalls("during", "holmesgpt"), ["answered"])
    assert.include(seen.endings("during", "holmesgpt"), "neither")
    assert.deepStrictEqual(seen.reasonsOfCalls("after", "holmesgpt"), ["answered"])
  })

  it("rotated-key: hops fail until the file follows, and none after it, without a restart", () => {
    const seen = during("rotated-key", { fileAfterMs: 60_000 })
    assert.deepStrictEqual(seen.violations, [])
    assert.include(seen.reasonsOfCalls("during", "holmesgpt"), "authentication")
    assert.deepStrictEqual(seen.reasonsOfCalls("after", "holmesgpt"), ["answered"])
  })
})
