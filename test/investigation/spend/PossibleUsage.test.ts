import { assert, describe, it } from "@effect/vitest"
import type { ReportedUsage } from "../../../src/investigation/spend/ModelUsage.ts"
import { believed, estimateOf, mostOfAll } from "../../../src/investigation/spend/PossibleUsage.ts"

const most = { inputTokens: 10_000, outputTokens: 5000 }
const nonsense = [-1, 0.5, Number.NaN, Infinity, Number.MAX_SAFE_INTEGER, 2 ** 60]

describe("of what a response reports", () => {
  it("everything counts up to the most that the call can take, and nothing is changed", () => {
    for (const usage of [
      { inputTokens: 1, outputTokens: 0 },
      { inputTokens: 10_000, outputTokens: 5000, cost: 9_000_000 },
      { inputTokens: 5, outputTokens: 5, cost: 0, isPartial: true },
      { inputTokens: null, outputTokens: null, cost: 500_000 },
      { inputTokens: null, outputTokens: null }
    ])
      assert.deepStrictEqual(believed(usage, most), { usage, isBelieved: true })
  })

  it("one number that cannot be true is not known, and the other ones are", () => {
    const usage: ReportedUsage = { inputTokens: 900, outputTokens: 50, cost: 300 }
    for (const number of [...nonsense, 10_001])
      for (const field of ["inputTokens", "outputTokens"] as const)
        assert.deepStrictEqual(believed({ ...usage, [field]: number }, most), {
          usage: { ...usage, [field]: null },
          isBelieved: false
        })
  })

  it("a cost counts up to that of the tokens at the dearest price", () => {
    const tokens = { inputTokens: 900, outputTokens: 100 }
    assert.deepStrictEqual(believed({ ...tokens, cost: 600_000 }, most).usage, { ...tokens, cost: 600_000 })
    for (const cost of [...nonsense, 600_001])
      assert.deepStrictEqual(believed({ ...tokens, cost }, most), { usage: tokens, isBelieved: false })
  })

  it("without a limit of its own, no call costs more than one that reads and writes for a hundred steps", () => {
    assert.isTrue(believed({ ...mostOfAll, cost: 1_000_000_000 }).isBelieved)
    assert.isFalse(believed({ inputTokens: mostOfAll.inputTokens + 1, outputTokens: 0 }).isBelieved)
    assert.isFalse(believed({ inputTokens: 5321, outputTokens: 180, cost: 999_999e6 }).isBelieved)
  })
})

it("an estimate is a whole number that the ledger can keep, or not known", () => {
  assert.deepStrictEqual(estimateOf({ inputTokens: 0, outputTokens: 1.5 }), { inputTokens: 0, outputTokens: 2 })
  assert.deepStrictEqual(estimateOf({ inputTokens: 1e12, outputTokens: Infinity }), mostOfAll)
  assert.deepStrictEqual(estimateOf({ inputTokens: -1, outputTokens: Number.NaN }), {
    inputTokens: null,
    outputTokens: null
  })
})
