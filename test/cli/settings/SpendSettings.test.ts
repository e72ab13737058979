import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { parse } from "../../../src/cli/settings/Configuration.ts"

const read = (environment: Record<string, string>) => parse({ environment, terminal: false })

const problems = (environment: Record<string, string>): string => {
  const result = read(environment)
  return Result.isFailure(result) ? result.failure.message : "none"
}

const provider = (price?: object) =>
  JSON.stringify([{ name: "main", kind: "openai", model: "m", key: "SECRET", price }])
const holmesgpt = { KUBERNAUT_HOLMESGPT_URL: "http://holmes:5050" }
const expected = { inputTokens: 150_000, outputTokens: 5000 }
const price = { input: 2.5, output: 10 }

describe("the settings of what model calls may cost", () => {
  it("limit nothing by default, in US dollars", () => {
    const { holmesgptSpend, spendBudgets, spendCurrency } = Result.getOrThrow(read({}))
    assert.deepStrictEqual([spendBudgets, spendCurrency, holmesgptSpend], [{}, "USD", {}])
  })

  it("are budgets of an incident, an hour and a day, in tokens and money", () => {
    const budgets = { incident: { money: 0.5 }, hour: { tokens: 500_000 }, day: { tokens: 5_000_000, money: 20 } }
    const settings = Result.getOrThrow(
      read({
        ...holmesgpt,
        KUBERNAUT_LLM_PROVIDERS: provider(price),
        KUBERNAUT_HOLMESGPT_SPEND: JSON.stringify({ ...expected, price }),
        KUBERNAUT_SPEND_BUDGETS: JSON.stringify(budgets),
        KUBERNAUT_SPEND_CURRENCY: "EUR"
      })
    )
    assert.deepStrictEqual(settings.spendBudgets, budgets)
    assert.deepStrictEqual(settings.llmProviders[0]?.price, price)
    assert.deepStrictEqual(settings.holmesgptSpend, { ...expected, price })
  })

  it.each([
    ["KUBERNAUT_SPEND_BUDGETS", `{"week":{"money":1}}`],
    ["KUBERNAUT_SPEND_BUDGETS", `{"hour":{"tokens":0}}`],
    ["KUBERNAUT_SPEND_BUDGETS", `{"hour":{"money":-1}}`],
    ["KUBERNAUT_SPEND_CURRENCY", "euro"],
    ["KUBERNAUT_HOLMESGPT_SPEND", `{"inputTokens":-1}`],
    ["KUBERNAUT_LLM_PROVIDERS", `[{"name":"main","kind":"openai","model":"m","price":{"input":1}}]`]
  ])("%s is not %s, and the message names the setting", (name, value) =>
    assert.include(problems({ [name]: value }), name)
  )

  it("a price that is wrong is named without the key beside it", () => {
    const message = problems({ KUBERNAUT_LLM_PROVIDERS: provider({ input: "much", output: 1 }) })
    assert.include(message, "invalid at 0.price.input")
    assert.notInclude(message, "SECRET")
  })

  it("a budget of money needs the price of every provider, and one of tokens needs none", () => {
    const money = { KUBERNAUT_SPEND_BUDGETS: `{"day":{"money":20}}` }
    assert.include(problems({ ...money, KUBERNAUT_LLM_PROVIDERS: provider() }), "main has none")
    assert.strictEqual(problems({ ...money, KUBERNAUT_LLM_PROVIDERS: provider(price) }), "none")
    assert.strictEqual(
      problems({ KUBERNAUT_SPEND_BUDGETS: `{"day":{"tokens":20}}`, KUBERNAUT_LLM_PROVIDERS: provider() }),
      "none"
    )
  })

  it("budgets need what HolmesGPT is expected to take, where it is used", () => {
    const tokens = { KUBERNAUT_SPEND_BUDGETS: `{"day":{"tokens":20}}` }
    assert.include(problems({ ...holmesgpt, ...tokens }), "set inputTokens, outputTokens")
    const known = { ...holmesgpt, KUBERNAUT_HOLMESGPT_SPEND: JSON.stringify(expected) }
    assert.strictEqual(problems({ ...known, ...tokens }), "none")
    assert.include(problems({ ...known, KUBERNAUT_SPEND_BUDGETS: `{"day":{"money":20}}` }), "set price")
    assert.strictEqual(problems(known), "none")
    assert.strictEqual(problems(tokens), "none")
  })
})
