/** What tokens cost. Pure. A provider without a price has no cost that is known: its tokens are counted all the same. */

import { Schema } from "effect"
import type { Usage } from "./ModelUsage.ts"

const PerMillion = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))

/**
 * The price of a provider for a million tokens of input and of output, in the configured currency. 0 for a model that
 * costs nothing, such as one of your own.
 */
export const Price = Schema.Struct({ input: PerMillion, output: PerMillion })
export type Price = typeof Price.Type

/**
 * The cost in millionths of the currency, rounded up; `null` if the tokens or the price are not known. A price for a
 * million tokens is one in millionths for each token.
 */
export const costOf = ({ inputTokens, outputTokens }: Usage, price: Price | undefined): number | null =>
  price === undefined || inputTokens === null || outputTokens === null
    ? null
    : // Without the fraction that floating point may add to a whole number.
      Math.ceil(Number((inputTokens * price.input + outputTokens * price.output).toFixed(6)))
