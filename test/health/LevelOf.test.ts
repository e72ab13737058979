import { assert, describe, it } from "@effect/vitest"
import type { DegradationLevel } from "../../src/domain/DegradationLevel.ts"
import * as Degradation from "../../src/health/Degradation.ts"

describe("Degradation.levelOf", () => {
  const tier = (
    name: Degradation.TierState["name"],
    circuit: Degradation.TierState["circuit"],
    provider = ""
  ): Degradation.TierState => ({
    name,
    service: `${name}${provider}`,
    circuit
  })
  const holmes = (circuit: Degradation.TierState["circuit"]) => tier("holmesgpt", circuit)
  const llm = (circuit: Degradation.TierState["circuit"], provider = "") => tier("llm", circuit, provider)

  it.each<readonly [string, ReadonlyArray<Degradation.TierState>, DegradationLevel]>([
    ["everything is in", [holmes("Closed"), llm("Closed")], 0],
    ["nothing is configured", [], 0],
    ["only rules are configured", [tier("rules", "Closed")], 0],
    ["HolmesGPT is out and an LLM is in", [holmes("Open"), llm("Closed")], 1],
    ["HolmesGPT is half-open", [holmes("HalfOpen"), llm("Closed")], 1],
    ["an operator isolated HolmesGPT", [holmes("Isolated"), llm("Closed")], 1],
    ["an operator forced HolmesGPT closed", [holmes("ForcedClosed"), llm("Closed")], 0],
    ["HolmesGPT and one of two LLMs are out", [holmes("Open"), llm("Open", "a"), llm("Closed", "b")], 1],
    ["HolmesGPT and all LLMs are out", [holmes("Open"), llm("Open", "a"), llm("HalfOpen", "b")], 2],
    ["all LLMs are out and HolmesGPT is in", [holmes("Closed"), llm("Open")], 0],
    ["HolmesGPT is out and no LLM is configured", [holmes("Open")], 2],
    ["no HolmesGPT is configured and one of two LLMs is out", [llm("Open", "a"), llm("Closed", "b")], 0],
    ["no HolmesGPT is configured and all LLMs are out", [llm("Open", "a"), llm("Open", "b")], 2],
    ["an embedder's own investigator is out and an LLM is in", [tier("custom", "Open"), llm("Closed")], 1]
  ])("when %s the level is %3$i", (_situation, tiers, level) => {
    assert.strictEqual(Degradation.levelOf({ tiers }).level, level)
  })

  it("gives one reason for each service that is out", () => {
    assert.deepStrictEqual(
      Degradation.levelOf({
        tiers: [holmes("Open"), llm("HalfOpen", ":a"), llm("Isolated", ":b"), llm("Closed", ":c")]
      }).reasons,
      ["holmesgpt is out", "llm:a is being probed", "llm:b is isolated by an operator"]
    )
  })
})
