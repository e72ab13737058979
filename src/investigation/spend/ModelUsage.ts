/** The tokens of one model call, and how a response reports them. */

import { Context } from "effect"

/** Tokens of the request and of the answer. `null`: not known. */
export interface Usage {
  readonly inputTokens: number | null
  readonly outputTokens: number | null
}

/** What a response reports. */
export interface ReportedUsage extends Usage {
  /** In millionths of a US dollar, if the peer computes it. */
  readonly cost?: number
  /** The peer still works, so that this is the least. Default: it has ended. */
  readonly isPartial?: boolean
}

/**
 * Takes the tokens that a response reports, also of one that is no answer: it was cut off, refused, or does not match
 * the schema, and is paid for all the same. A language model calls it as soon as it has read them. Default: nobody
 * counts.
 */
export const ReportUsage = Context.Reference<(usage: ReportedUsage) => void>(
  "kubernaut/investigation/spend/ModelUsage/ReportUsage",
  {
    defaultValue: () => () => {}
  }
)
