/** What a provider of language models did for a call that failed. Pure. */

import { type InvestigatorErrorReason, isNotSent } from "../Investigator.ts"
import type { Effort } from "./Meter.ts"

/**
 * A status below 500 says that the provider refused the request. A server that failed, an answer of no use, and silence
 * say nothing about what it did.
 */
export const effortOf = (reason: InvestigatorErrorReason): Effort => {
  if (isNotSent(reason)) return "not-sent"
  switch (reason._tag) {
    case "Authentication":
    case "BadRequest":
    case "ContextOverflow":
    case "QuotaExhausted":
    case "RateLimited":
      return "rejected"
    case "Unavailable":
      return reason.status !== undefined && reason.status < 500 ? "rejected" : "worked"
    default:
      return "worked"
  }
}
