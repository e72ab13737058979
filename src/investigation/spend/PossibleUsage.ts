/**
 * What of a reported usage can be true. Pure.
 *
 * A gateway may report anything. One number of nonsense, taken as measured, would use up the budget of a day, or the
 * numbers that the database can add. So a number counts only if the call can have taken it:
 *
 * - It is a whole number that is not negative, and at most `Most`.
 * - The request has at least one token, because every request has a text. A gateway that does not know writes 0.
 * - The cost is at most that of the tokens at the dearest price.
 *
 * Any other number is not known, and the estimate counts.
 */

import type { ReportedUsage, Usage } from "./ModelUsage.ts"

/** The most tokens that one call can take. */
export interface Most {
  readonly inputTokens: number
  readonly outputTokens: number
}

/**
 * Of any call: HolmesGPT stops after 100 steps, and no model reads more than a million tokens at once, or writes
 * 100,000.
 */
export const mostOfAll: Most = { inputTokens: 100_000_000, outputTokens: 10_000_000 }

/** In millionths for a token. No model has had a price above 600 for a million tokens. */
const dearest = 600

const within = (value: number | null, most: number): number | null =>
  value !== null && Number.isSafeInteger(value) && value >= 0 && value <= most ? value : null

const expected = (value: number | null, most: number): number | null =>
  value !== null && value >= 0 ? Math.min(Math.ceil(value), most) : null

/** An estimate as a line of the ledger can keep it. */
export const estimateOf = ({ inputTokens, outputTokens }: Usage): Usage => ({
  inputTokens: expected(inputTokens, mostOfAll.inputTokens),
  outputTokens: expected(outputTokens, mostOfAll.outputTokens)
})

/** The report without the numbers that cannot be true. `isBelieved`: it has none of them, apart from zeros. */
export const believed = (
  { cost, ...reported }: ReportedUsage,
  most: Most = mostOfAll
): { readonly usage: ReportedUsage; readonly isBelieved: boolean } => {
  const input = within(reported.inputTokens, most.inputTokens)
  const output = within(reported.outputTokens, most.outputTokens)
  const mostTokens = (input ?? most.inputTokens) + (output ?? most.outputTokens)
  const paid = within(cost ?? null, mostTokens * dearest)
  return {
    usage: {
      ...reported,
      inputTokens: input === 0 ? null : input,
      outputTokens: output,
      ...(paid === null ? {} : { cost: paid })
    },
    isBelieved: input === reported.inputTokens && output === reported.outputTokens && paid === (cost ?? null)
  }
}
