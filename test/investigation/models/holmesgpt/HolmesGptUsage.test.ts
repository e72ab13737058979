import { assert, describe, it } from "@effect/vitest"
import { HolmesGptProgress } from "../../../../src/investigation/models/holmesgpt/HolmesGptProgress.ts"
import { usageIn } from "../../../../src/investigation/models/holmesgpt/HolmesGptUsage.ts"
import type { ReportedUsage } from "../../../../src/investigation/spend/ModelUsage.ts"

const metadata = (costs: unknown, usage: unknown = { prompt_tokens: 1, completion_tokens: 1 }) => ({
  metadata: { usage, costs }
})
const costs = { total_cost: 0.0123, total_tokens: 5501, prompt_tokens: 5321, completion_tokens: 180 }

describe("what HolmesGPT has cost", () => {
  it("is the sum over all calls of its model, and not its last call", () =>
    assert.deepStrictEqual(usageIn(metadata(costs)), { inputTokens: 5321, outputTokens: 180, cost: 12_300 }))

  it("is not known where it has only the last call, or zeros", () => {
    for (const data of [
      metadata(undefined),
      metadata({ total_cost: 0, total_tokens: 0, prompt_tokens: 0, completion_tokens: 0 }),
      metadata({ total_cost: "12", prompt_tokens: 1.5, completion_tokens: -1 }),
      undefined,
      "text"
    ])
      assert.isUndefined(usageIn(data))
  })

  it("may be known without the tokens, as older servers have it", () =>
    assert.deepStrictEqual(usageIn(metadata({ total_cost: 0.5 })), {
      inputTokens: null,
      outputTokens: null,
      cost: 500_000
    }))

  it("is passed on however much it is: the meter says what can be true", () =>
    assert.deepStrictEqual(usageIn(metadata({ ...costs, total_cost: 2_000_000 }))?.cost, 2e12))

  it("is something as soon as it has worked, is the least while it works, and the whole at its end", () => {
    const seen: Array<ReportedUsage> = []
    const progress = new HolmesGptProgress(
      () => {},
      (usage) => seen.push(usage)
    )
    progress.take({ event: "token_count", data: JSON.stringify(metadata({ ...costs, prompt_tokens: 100 })) })
    progress.take({ event: "ai_answer_end", data: JSON.stringify({ analysis: "{}", ...metadata(costs) }) })
    progress.takeWhole(JSON.stringify({ analysis: "{}", tool_calls: [], ...metadata(costs) }))
    const whole = { inputTokens: 5321, outputTokens: 180, cost: 12_300, isPartial: false }
    const begun = { inputTokens: null, outputTokens: null, isPartial: true }
    assert.deepStrictEqual(seen, [begun, { ...whole, inputTokens: 100, isPartial: true }, whole, whole])
  })
})
