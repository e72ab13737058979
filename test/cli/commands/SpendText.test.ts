import { assert, describe, it } from "@effect/vitest"
import { callsText, spendText } from "../../../src/cli/commands/SpendText.ts"
import { type ModelCall, ModelCallId } from "../../../src/domain/ModelCall.ts"
import { RemediationId } from "../../../src/domain/Remediation.ts"

const call: ModelCall = {
  id: ModelCallId.make("call-01M86T3XDTDHT0TBVYKQNQMMTH"),
  at: "2026-11-24T03:00:00.000Z",
  remediation: RemediationId.make("rem-1"),
  investigator: "llm",
  provider: "main",
  inputTokens: 1320,
  outputTokens: 96,
  cost: 4260,
  basis: "measured",
  state: "settled",
  outcome: "answered"
}
const sum = { calls: 2, inputTokens: 1320, outputTokens: 96, cost: 4260, unknownTokens: 0, unknownCost: 1 }

describe("kubernaut spend", () => {
  it("shows the budgets, the sums and the calls, with money in the currency", () => {
    assert.deepStrictEqual(
      spendText({
        currency: "EUR",
        since: "2026-11-23T03:00:00.000Z",
        until: "2026-11-24T03:00:00.000Z",
        budgets: [{ budget: "hour", unit: "money", limit: 2, spent: 0.00426, until: "2026-11-24T04:00:00.000Z" }],
        byHour: [{ hour: "2026-11-24T03:00:00.000Z", ...sum }],
        byDay: [{ day: "2026-11-24T00:00:00.000Z", ...sum }],
        byTier: [{ tier: "llm:main", ...sum }],
        calls: [call]
      }),
      [
        "Spent from 2026-11-23T03:00:00.000Z until 2026-11-24T03:00:00.000Z, money in EUR",
        "Budgets:",
        "  hour  money  0.0043 of 2  until 2026-11-24T04:00:00.000Z",
        "By tier:",
        "  llm:main  2 calls  1320 in  96 out  0.0043  1 without a known cost",
        "By day:",
        "  2026-11-24  2 calls  1320 in  96 out  0.0043  1 without a known cost",
        "By hour:",
        "  2026-11-24T03:00  2 calls  1320 in  96 out  0.0043  1 without a known cost",
        "Model calls:",
        "  2026-11-24T03:00:00.000Z  rem-1  llm:main  answered  1320 in  96 out  0.0043  measured"
      ]
    )
  })

  it("says not known, and never 0, of what is not known", () => {
    const { outcome: _outcome, ...reserved } = call
    const unknown: ModelCall = {
      ...reserved,
      inputTokens: null,
      outputTokens: null,
      cost: null,
      basis: "estimated",
      state: "reserved"
    }
    assert.deepStrictEqual(callsText([unknown]), [
      "Model calls:",
      "  2026-11-24T03:00:00.000Z  rem-1  llm:main  under way, or cut short  not known in  not known out  cost not known  estimated"
    ])
  })

  it("shows nothing for a remediation without calls", () => assert.deepStrictEqual(callsText(), []))
})
