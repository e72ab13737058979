/**
 * What a call has cost, once it is over. Pure.
 *
 * | the call                                     | tokens                               | basis       |
 * | -------------------------------------------- | ------------------------------------ | ----------- |
 * | ended, and the response reports its tokens   | those, if that can be true           | `measured`  |
 * | broke off after it had reported some of them | those, or the estimate if it is more | `estimated` |
 * | ended, and the response does not report them | the estimate, where nothing better   | `estimated` |
 * | failed after it was sent, or was interrupted | likewise: the peer may have worked   | `estimated` |
 * | was rejected and tells no tokens: no key     | 0                                    | `measured`  |
 * | never left this process                      | there is no line                     | –           |
 *
 * `PossibleUsage` says which numbers cannot be true. Those are not known.
 *
 * `Effort` says which failures are rejections. Providers bill neither a rejected request nor a rate limit. To count
 * those would let an empty account use up the budget of an hour without having done anything.
 */

import type { ModelCall } from "../../domain/ModelCall.ts"
import type { ReportedUsage, Usage } from "./ModelUsage.ts"
import { costOf, type Price } from "./Price.ts"

/** How a call ended. */
export interface Ended {
  readonly outcome: NonNullable<ModelCall["outcome"]>
  /** Absent: no response has told. */
  readonly reported?: ReportedUsage | undefined
  readonly price?: Price | undefined
  /** The configured currency. */
  readonly currency: string
}

/** In which peers that know their costs report them. */
const currencyOfPeers = "USD"

/** The tokens that count, of a call that was not rejected. */
const tokensOf = (reserved: Usage, { inputTokens, isPartial = false, outputTokens }: ReportedUsage): Usage => {
  const better = (found: number | null, expected: number | null): number | null =>
    found === null || expected === null ? (found ?? expected) : isPartial ? Math.max(found, expected) : found
  return {
    inputTokens: better(inputTokens, reserved.inputTokens),
    outputTokens: better(outputTokens, reserved.outputTokens)
  }
}

/** The line of a call that is over. `reserved`: its line from before the call. */
export const settle = (
  reserved: ModelCall,
  { currency, outcome, price, reported = { inputTokens: null, outputTokens: null } }: Ended
): ModelCall => {
  const settled = { ...reserved, state: "settled", outcome } as const
  const { inputTokens: input, isPartial = false, outputTokens: output } = reported
  if (outcome === "rejected") return { ...settled, inputTokens: 0, outputTokens: 0, cost: 0, basis: "measured" }
  const tokens = tokensOf(reserved, reported)
  const ofPeer = currency === currencyOfPeers ? (reported.cost ?? null) : null
  return {
    ...settled,
    ...tokens,
    cost: costOf(tokens, price) ?? ofPeer,
    basis: input !== null && output !== null && !isPartial ? "measured" : "estimated"
  }
}
