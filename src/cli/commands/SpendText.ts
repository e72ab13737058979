/** Calls to models and what they cost, as text for people. Pure. */

import { type ModelCall, serviceOf } from "../../domain/ModelCall.ts"
import type { Spend } from "../../http/SpendApi.ts"
import { table } from "../Output.ts"

const notKnown = "not known"

const money = (micros: number): string => (micros / 1_000_000).toFixed(4)

const callRow = (call: ModelCall): ReadonlyArray<string> => [
  `  ${call.at}`,
  call.remediation,
  serviceOf(call),
  call.outcome ?? "under way, or cut short",
  `${call.inputTokens ?? notKnown} in`,
  `${call.outputTokens ?? notKnown} out`,
  call.cost === null ? `cost ${notKnown}` : money(call.cost),
  call.basis
]

/** The calls of one remediation. Empty if there are none. */
export const callsText = (calls: ReadonlyArray<ModelCall> = []): ReadonlyArray<string> =>
  calls.length === 0 ? [] : ["Model calls:", ...table(calls.map(callRow))]

type Sum = Spend["byTier"][number]

const sumRow = (
  key: string,
  { calls, cost, inputTokens, outputTokens, unknownCost, unknownTokens }: Omit<Sum, "tier">
) => [
  `  ${key}`,
  `${calls} calls`,
  `${inputTokens} in`,
  `${outputTokens} out`,
  money(cost),
  [
    ...(unknownTokens === 0 ? [] : [`${unknownTokens} without known tokens`]),
    ...(unknownCost === 0 ? [] : [`${unknownCost} without a known cost`])
  ].join(", ")
]

const budgetRow = ({ budget, limit, spent, unit, until }: Spend["budgets"][number]): ReadonlyArray<string> => [
  `  ${budget}`,
  unit,
  unit === "money" ? `${spent.toFixed(4)} of ${limit}` : `${spent} of ${limit}`,
  until === undefined ? "" : `until ${until}`
]

/** What was spent. */
export const spendText = (found: Spend): ReadonlyArray<string> => [
  `Spent from ${found.since} until ${found.until}, money in ${found.currency}`,
  ...(found.budgets.length === 0 ? ["No budget limits an hour or a day."] : ["Budgets:"]),
  ...table(found.budgets.map(budgetRow)),
  "By tier:",
  ...table(found.byTier.map(({ tier, ...sum }) => sumRow(tier, sum))),
  "By day:",
  ...table(found.byDay.map(({ day, ...sum }) => sumRow(day.slice(0, 10), sum))),
  "By hour:",
  ...table(found.byHour.map(({ hour, ...sum }) => sumRow(`${hour.slice(0, 13)}:00`, sum))),
  ...callsText(found.calls)
]
