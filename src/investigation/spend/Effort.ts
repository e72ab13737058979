/** What a provider of language models did for a call that failed. Pure. */

import { type InvestigatorErrorReason, isNotSent } from "../Investigator.ts"
import type { Effort } from "./Meter.ts"

/** With these a gateway says that it has no server for the request. */
const gatewayStatuses: ReadonlySet<number> = new Set([502, 503])
/** A server that is overloaded. */
const overloaded = 529
/** Later, a gateway may say the same of a server that has ended while its model worked. */
const earlyMs = 2000

const isTurnedAway = (status: number, tookMs: number): boolean =>
  status === overloaded || (gatewayStatuses.has(status) && tookMs <= earlyMs)

/**
 * A status below 500 says that the provider refused the request, and some of the others that nobody took it. A server
 * that failed otherwise or was too slow for its gateway, an answer of no use, and silence say nothing about what was
 * done. `tookMs`: how long the provider took to fail. A response that had begun reports what it took (`ModelUsage`),
 * and that counts before its error.
 */
export const effortOf = (reason: InvestigatorErrorReason, tookMs: number): Effort => {
  if (isNotSent(reason)) return "not-sent"
  switch (reason._tag) {
    case "Authentication":
    case "BadRequest":
    case "ContextOverflow":
    case "QuotaExhausted":
    case "RateLimited":
      return "rejected"
    case "Unavailable":
      return reason.status !== undefined && (reason.status < 500 || isTurnedAway(reason.status, tookMs))
        ? "rejected"
        : "worked"
    default:
      return "worked"
  }
}
