import { assert, describe, it } from "@effect/vitest"
import { type Budgets, endOf, type Spent, statesOf, textOf, usedUp } from "../../../src/investigation/spend/Budget.ts"

const at = "2026-11-24T03:40:00.000Z"
const spent = (tokens = 0, cost = 0): Spent => ({ inputTokens: tokens, outputTokens: 0, cost })
const nothing = { incident: spent(), hour: spent(), day: spent() }
const call = (tokens: number | null, cost: number | null) => ({ at, inputTokens: tokens, outputTokens: 0, cost })
const unknown = { at, inputTokens: null, outputTokens: null, cost: null }

describe("a call", () => {
  it("that no budget limits fits, whatever was spent", () => {
    const much = spent(1e12, 1e15)
    assert.isUndefined(usedUp({}, { incident: much, hour: much, day: much }, call(1e9, 1e9)))
  })

  const cases: ReadonlyArray<
    readonly [
      name: string,
      budgets: Budgets,
      before: Partial<typeof nothing>,
      tokens: number,
      cost: number,
      found: object | undefined
    ]
  > = [
    ["that uses the last token fits", { hour: { tokens: 100 } }, { hour: spent(60) }, 40, 0, undefined],
    [
      "of one token more does not, until the hour ends",
      { hour: { tokens: 100 } },
      { hour: spent(60) },
      41,
      0,
      { budget: "hour", unit: "tokens", until: "2026-11-24T04:00:00.000Z" }
    ],
    ["that uses the last millionth fits", { day: { money: 1 } }, { day: spent(0, 900_000) }, 1, 100_000, undefined],
    [
      "of one millionth more does not, until the day ends",
      { day: { money: 1 } },
      { day: spent(0, 900_000) },
      1,
      100_001,
      { budget: "day", unit: "money", until: "2026-11-25T00:00:00.000Z" }
    ],
    [
      "beyond the budget of its incident never fits again",
      { incident: { money: 0.5 } },
      { incident: spent(0, 500_000) },
      1,
      1,
      { budget: "incident", unit: "money" }
    ],
    [
      "that fits into no budget is refused by the one that lasts longest",
      { incident: { tokens: 1 }, hour: { tokens: 1 }, day: { tokens: 1 } },
      {},
      2,
      0,
      { budget: "day", unit: "tokens", until: "2026-11-25T00:00:00.000Z" }
    ],
    [
      "that costs nothing fits although the money is gone",
      { hour: { money: 1 } },
      { hour: spent(0, 9e6) },
      50,
      0,
      undefined
    ],
    [
      "of another incident does not count",
      { incident: { tokens: 10 } },
      { hour: spent(99), day: spent(99) },
      10,
      0,
      undefined
    ]
  ]
  for (const [name, budgets, before, tokens, cost, found] of cases)
    it(`${name}`, () => assert.deepStrictEqual(usedUp(budgets, { ...nothing, ...before }, call(tokens, cost)), found))

  it("whose cost is not known fits until the budget is used up, and not after that", () => {
    assert.isUndefined(usedUp({ hour: { money: 1 } }, { ...nothing, hour: spent(0, 999_999) }, call(5, null)))
    assert.strictEqual(
      usedUp({ hour: { money: 1 } }, { ...nothing, hour: spent(0, 1e6) }, call(5, null))?.unit,
      "money"
    )
    assert.isUndefined(usedUp({ hour: { tokens: 10 } }, { ...nothing, hour: spent(9) }, unknown))
    assert.strictEqual(usedUp({ hour: { tokens: 10 } }, { ...nothing, hour: spent(10) }, unknown)?.unit, "tokens")
  })
})

it("an hour ends at the full hour, a day at midnight UTC, an incident never", () => {
  assert.strictEqual(endOf("hour", "2026-11-24T03:00:00.000Z"), "2026-11-24T04:00:00.000Z")
  assert.strictEqual(endOf("hour", "2026-11-24T23:59:59.999Z"), "2026-11-25T00:00:00.000Z")
  assert.strictEqual(endOf("day", "2026-12-31T12:00:00.000Z"), "2027-01-01T00:00:00.000Z")
  assert.isUndefined(endOf("incident", at))
})

it("the states are those of the hour and of the day, with money in the currency", () => {
  const budgets = { incident: { money: 1 }, hour: { tokens: 100 }, day: { tokens: 500, money: 2 } }
  assert.deepStrictEqual(statesOf(budgets, { incident: spent(), hour: spent(7), day: spent(9, 1_250_000) }, at), [
    { budget: "hour", until: "2026-11-24T04:00:00.000Z", unit: "tokens", limit: 100, spent: 7 },
    { budget: "day", until: "2026-11-25T00:00:00.000Z", unit: "tokens", limit: 500, spent: 9 },
    { budget: "day", until: "2026-11-25T00:00:00.000Z", unit: "money", limit: 2, spent: 1.25 }
  ])
})

it("the text names the budget, and its end if it has one", () => {
  assert.strictEqual(
    textOf({ budget: "hour", unit: "money", until: "2026-11-24T04:00:00.000Z" }),
    "the money budget of the hour has no room for the call until 2026-11-24T04:00:00.000Z"
  )
  assert.strictEqual(
    textOf({ budget: "incident", unit: "tokens" }),
    "the tokens budget of the incident has no room for the call"
  )
})
