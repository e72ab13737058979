/**
 * What an investigation of HolmesGPT has cost so far, by its events and responses. Pure.
 *
 * `metadata.costs` has the sums over all calls of its model; `metadata.usage` has the last of them only, and says
 * nothing about the whole. A server that cannot tell has zeros there, which mean that nothing is known. Whether the
 * numbers can be true is for the meter (`PossibleUsage`).
 */

import type { ReportedUsage } from "../../spend/ModelUsage.ts"

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}

const countOf = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : null

/** The sums in the data of an event or in a response; `undefined` if it has none. */
export const usageIn = (data: unknown): ReportedUsage | undefined => {
  const costs = fieldsOf(fieldsOf(fieldsOf(data)["metadata"])["costs"])
  const inputTokens = countOf(costs["prompt_tokens"])
  const outputTokens = countOf(costs["completion_tokens"])
  const dollars = costs["total_cost"]
  const cost = typeof dollars === "number" && dollars > 0 ? Math.ceil(dollars * 1e6) : undefined
  if (inputTokens === null && outputTokens === null && cost === undefined) return undefined
  return { inputTokens, outputTokens, ...(cost === undefined ? {} : { cost }) }
}
