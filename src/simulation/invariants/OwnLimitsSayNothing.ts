/**
 * No remediation ends with a statement about the cluster that only a limit of the service supports: a full bulkhead, an
 * open breaker, a deadline that its own queue used up.
 *
 * While nothing is wrong with the cluster, every remediation can read its target and its owner, however much work there
 * is. So nothing is unobserved, no owner unread, no verdict unreadable, and no write given up unsent.
 */

import type { RemediationEvent, RemediationEventKind } from "../../domain/Remediation.ts"
import { ClearTimes } from "../observation/ClearTimes.ts"
import type { Invariant } from "./Invariant.ts"

const speaking: ReadonlySet<RemediationEventKind> = new Set([
  "Decided",
  "Executed",
  "Verified",
  "RollbackStopped",
  "RollbackVerified"
])

/** What an event says about the cluster although it was not asked. */
const statementOf = (event: RemediationEvent): string | undefined => {
  switch (event._tag) {
    case "Decided":
      return event.decision.reasons.find(({ rule }) => rule === "unobserved" || rule === "owner-unread")?.rule
    case "Executed":
      return event.outcome.failure === "own-limit" ? event.outcome.failure : undefined
    case "Verified":
      return event.verification.reasons.find((reason) => reason.startsWith("unreadable"))
    case "RollbackStopped":
      return event.stop.code === "unreadable" || event.stop.code === "own-limit" ? event.stop.code : undefined
    case "RollbackVerified":
      return event.verification.reasons.find((reason) => reason.startsWith("unreadable"))
    default:
      return undefined
  }
}

export const ownLimitsSayNothing: Invariant = {
  name: "own-limits-say-nothing",
  description: "While nothing is wrong with the cluster, no remediation says that it could not be read.",
  make: (_, report) => {
    const clear = new ClearTimes()
    const acceptedMs = new Map<string, number>()
    return {
      on: {
        ...clear.on,
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            // An alert about no object has nothing to read.
            if (kind === "Accepted" && event._tag === "Accepted" && event.target.kind !== "Alert")
              acceptedMs.set(remediationId, atMs)
            const sinceMs = acceptedMs.get(remediationId)
            if (sinceMs === undefined) continue
            const statement = speaking.has(kind) ? statementOf(event) : undefined
            if (statement !== undefined && clear.since(sinceMs))
              report(`remediation ${remediationId} says ${statement}, and nothing was wrong with the cluster`)
            if (kind === "Concluded") acceptedMs.delete(remediationId)
          }
        }
      }
    }
  }
}
