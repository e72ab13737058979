import { assert, describe, it } from "@effect/vitest"
import { during } from "../../fixtures/Outages.ts"

const models = { peers: ["holmesgpt", "llm:alpha", "llm:beta"], share: 1 }

const reasons = (kind: string) => {
  const seen = during(kind, models)
  assert.deepStrictEqual(seen.violations, [])
  assert.deepStrictEqual(seen.reasonsOfCalls("after", "holmesgpt"), ["answered"])
  return {
    ...seen,
    of: (investigator: "holmesgpt" | "llm") =>
      seen.reasonsOfCalls("during", investigator, investigator === "llm" ? "alpha" : undefined)
  }
}

describe("faults of models", () => {
  it("malformed-answer, missing-resource: answers are rejected as invalid at both tiers of models", () => {
    for (const kind of ["malformed-answer", "missing-resource"]) {
      const seen = reasons(kind)
      assert.deepStrictEqual(seen.of("holmesgpt"), ["invalid-answer"])
      assert.deepStrictEqual(seen.of("llm"), ["invalid-answer"])
      assert.include(seen.reasons("during", "holmesgpt"), "of-no-use")
    }
  })

  it("nonsense-answer: answers that do not contradict the state are accepted, and break no invariant", () => {
    assert.sameMembers([...reasons("nonsense-answer").of("holmesgpt")], ["answered", "invalid-answer"])
  })

  it("prompt-injection: an action on another object is rejected", () => {
    assert.include(reasons("prompt-injection").of("holmesgpt"), "invalid-answer")
  })

  it("context-overflow, refusal: are recognized at an LLM, and count neither for nor against its breaker", () => {
    for (const [kind, reason] of [
      ["context-overflow", "context-overflow"],
      ["refusal", "refused"]
    ] as const) {
      const seen = reasons(kind)
      assert.deepStrictEqual(seen.of("llm"), [reason])
      assert.deepStrictEqual(seen.endings("during", "llm:alpha"), ["neither"])
    }
  })

  it("quota-exhausted: an LLM is not retried within its hop, and HolmesGPT counts as rate-limited", () => {
    const seen = reasons("quota-exhausted")
    assert.include(seen.of("llm"), "quota-exhausted")
    assert.include(seen.of("holmesgpt"), "rate-limited")
    assert.isTrue(
      seen.hops
        .flatMap(({ hops }) => hops)
        .filter(({ reason }) => reason === "quota-exhausted")
        .every(({ attempts }) => attempts === 1)
    )
  })
})
