/**
 * The budgets of model calls, and whether a call still fits into them. Pure.
 *
 * | budget     | counts the calls                   | ends                     |
 * | ---------- | ---------------------------------- | ------------------------ |
 * | `incident` | of one remediation                 | never, for this incident |
 * | `hour`     | of the cluster in this hour by UTC | with the hour            |
 * | `day`      | of the cluster on this day by UTC  | with the day             |
 *
 * Each may limit tokens, money, or both. A call is counted by its estimate until it is settled, and is refused if it
 * would exceed what is left. So a budget is exceeded by at most what the calls under way turn out to cost above their
 * estimates.
 *
 * Hours and days are those of the calendar, so that a budget can be compared with the sums of the ledger. Calls around
 * the end of an hour may use two budgets within minutes; the budget of the day bounds that.
 */

import { Schema } from "effect"
import type { ModelCall } from "../../domain/ModelCall.ts"
import * as Timestamp from "../../domain/Timestamp.ts"
import type { Usage } from "./ModelUsage.ts"

/** The most that may be spent: tokens of input and output together, and money in the configured currency. */
export const Limit = Schema.Struct({
  tokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000_000 }))),
  money: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 })))
})
export type Limit = typeof Limit.Type

/** The budgets. One that is absent limits nothing. */
export const Budgets = Schema.Struct({
  incident: Schema.optionalKey(Limit),
  hour: Schema.optionalKey(Limit),
  day: Schema.optionalKey(Limit)
})
export type Budgets = typeof Budgets.Type

/** What a budget is for. */
export const BudgetScope = Schema.Literals(["incident", "hour", "day"])
export type BudgetScope = typeof BudgetScope.Type

/** What a budget limits. */
export const BudgetUnit = Schema.Literals(["tokens", "money"])
export type BudgetUnit = typeof BudgetUnit.Type

/** A budget that has no room for a call, and until when. The budget of an incident has no end. */
export const UsedUp = Schema.Struct({
  budget: BudgetScope,
  unit: BudgetUnit,
  until: Schema.optionalKey(Timestamp.Timestamp)
})
export type UsedUp = typeof UsedUp.Type

/** What is spent; money in millionths. */
export interface Spent {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cost: number
}

/** The scopes in the order in which they are checked: the one that lasts longest says most. */
const scopes: ReadonlyArray<BudgetScope> = ["day", "hour", "incident"]
const lengthMs = { hour: 60 * 60_000, day: 24 * 60 * 60_000 }
const micro = 1_000_000

/** The end of the hour or of the day of a time; `undefined` for an incident. */
export const endOf = (scope: BudgetScope, at: Timestamp.Timestamp): Timestamp.Timestamp | undefined => {
  if (scope === "incident") return undefined
  const length = lengthMs[scope]
  return Timestamp.fromMillis((Math.floor(Timestamp.toMillis(at) / length) + 1) * length)
}

/** What does not fit, if anything. What costs nothing always fits, and what is not known needs any room at all. */
const exceeds = (
  spent: Spent,
  call: Usage & { readonly cost: number | null },
  limit: Limit
): BudgetUnit | undefined => {
  const { money = Infinity, tokens = Infinity } = limit
  const { cost, inputTokens, outputTokens } = call
  const tokensOfCall = inputTokens === null && outputTokens === null ? 1 : (inputTokens ?? 0) + (outputTokens ?? 0)
  if (tokensOfCall > 0 && spent.inputTokens + spent.outputTokens + tokensOfCall > tokens) return "tokens"
  const costOfCall = cost ?? 1
  return costOfCall > 0 && spent.cost + costOfCall > money * micro ? "money" : undefined
}

/** The budget that has no room for the call; `undefined` if all have. */
export const usedUp = (
  budgets: Budgets,
  spent: Readonly<Record<BudgetScope, Spent>>,
  call: Pick<ModelCall, "at" | "cost" | "inputTokens" | "outputTokens">
): UsedUp | undefined => {
  for (const budget of scopes) {
    const limit = budgets[budget]
    const unit = limit === undefined ? undefined : exceeds(spent[budget], call, limit)
    if (unit === undefined) continue
    const until = endOf(budget, call.at)
    return { budget, unit, ...(until === undefined ? {} : { until }) }
  }
  return undefined
}

/** What is left of one budget. Money in the currency itself. */
export interface BudgetState {
  readonly budget: BudgetScope
  readonly unit: BudgetUnit
  readonly limit: number
  readonly spent: number
  readonly until?: Timestamp.Timestamp
}

/** How the budgets stand that are set, without those of incidents. */
export const statesOf = (
  budgets: Budgets,
  spent: Readonly<Record<BudgetScope, Spent>>,
  at: Timestamp.Timestamp
): ReadonlyArray<BudgetState> =>
  (["hour", "day"] as const).flatMap((budget) => {
    const { money, tokens } = budgets[budget] ?? {}
    const { cost, inputTokens, outputTokens } = spent[budget]
    const until = endOf(budget, at)
    const common = { budget, ...(until === undefined ? {} : { until }) }
    return [
      ...(tokens === undefined
        ? []
        : [{ ...common, unit: "tokens" as const, limit: tokens, spent: inputTokens + outputTokens }]),
      ...(money === undefined ? [] : [{ ...common, unit: "money" as const, limit: money, spent: cost / micro }])
    ]
  })

/** The call was not made, because it would exceed a budget. */
export class BudgetUsedUp extends Schema.TaggedError<BudgetUsedUp>()("BudgetUsedUp", { used: UsedUp }) {
  override get message(): string {
    return textOf(this.used)
  }
}

/** What a person reads of a budget that is used up. */
export const textOf = ({ budget, unit, until }: UsedUp): string =>
  `the ${unit} budget of the ${budget} has no room for the call${until === undefined ? "" : ` until ${until}`}`
