/**
 * Which failures are about the account and not about the peer: nobody with that key is served, until somebody pays or
 * replaces the key. Pure.
 *
 * | the peer says                                              | reason         |
 * | ---------------------------------------------------------- | -------------- |
 * | 402, or 400, 403, 429 with the words of no money left      | `out-of-money` |
 * | 401: it does not know the key                              | `wrong-key`    |
 * | 403: the key may not do this. It may be about this request | none           |
 *
 * An answer shows that the account is served, and so does one of no use: a model has worked for it.
 */

import type { Suspension } from "../../resilience/breaker/Suspension.ts"
import type { InvestigatorError, InvestigatorErrorReason } from "../Investigator.ts"

/** Why a tier is suspended: the reason code of its skipped hops. */
export const suspensionReasons = ["out-of-money", "wrong-key"] as const
export type SuspensionReason = (typeof suspensionReasons)[number]

/** Why the account of a tier serves nobody; `undefined` if the failure says nothing about it. */
export const suspensionOf = (
  reason: InvestigatorErrorReason
): (Suspension & { readonly reason: SuspensionReason }) | undefined => {
  switch (reason._tag) {
    case "QuotaExhausted":
      return {
        reason: "out-of-money",
        ...(reason.retryAfterMs === undefined ? {} : { statedMs: reason.retryAfterMs })
      }
    case "Authentication":
      return reason.forbidden === true ? undefined : { reason: "wrong-key" }
    default:
      return undefined
  }
}

const served: ReadonlySet<InvestigatorErrorReason["_tag"]> = new Set([
  "InvalidAnswer",
  "Refused",
  "StepLimit",
  "ToolLoop"
])

/** Whether a failure shows that the account is served. What the breaker counts, such as the page of a gateway, does not. */
export const isServed = ({ countsAsFailure, reason }: Pick<InvestigatorError, "countsAsFailure" | "reason">): boolean =>
  !countsAsFailure && served.has(reason._tag)
