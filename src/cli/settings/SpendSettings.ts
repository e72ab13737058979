/** The settings of what model calls may cost. */

import { Schema } from "effect"
import { Budgets } from "../../investigation/spend/Budget.ts"
import { Price } from "../../investigation/spend/Price.ts"
import { setting, wholeNumber } from "./Setting.ts"

const Tokens = wholeNumber(0, 1_000_000_000)

/** What an investigation of HolmesGPT usually takes, for the calls whose response does not tell. */
const HolmesGptSpend = Schema.Struct({
  inputTokens: Schema.optionalKey(Tokens),
  outputTokens: Schema.optionalKey(Tokens),
  price: Schema.optionalKey(Price)
})

export const spend = {
  spendBudgets: setting(Budgets, {
    form: "json",
    fallback: {},
    description:
      "What model calls may cost: incident, hour and day, each with tokens, money, or both. Hours and days are of the whole cluster, by UTC. A tier whose next call does not fit is skipped, and the next one is asked. Empty: no limit, and calls are counted all the same.",
    expected: `a mapping such as {"incident":{"money":0.5},"hour":{"tokens":500000},"day":{"money":20}}`
  }),
  spendCurrency: setting(
    Schema.String.check(Schema.isPattern(/^[A-Z]{3}$/, { message: "Expected a currency code such as EUR" })),
    {
      form: "text",
      fallback: "USD",
      description: "Currency of all prices and budgets of money. What HolmesGPT reports itself counts only in USD.",
      expected: "a currency code such as USD or EUR"
    }
  ),
  holmesgptSpend: setting(HolmesGptSpend, {
    form: "json",
    fallback: {},
    description:
      "What an investigation of HolmesGPT is expected to take, until its response tells: inputTokens, outputTokens, and the price of a million tokens of its model, {input, output}. Budgets need the tokens, and budgets of money the price.",
    expected: `a mapping such as {"inputTokens":150000,"outputTokens":5000,"price":{"input":2.5,"output":10}}`
  })
} as const
