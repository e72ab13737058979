/** Journal events, writes and hops, each in a few words for the timeline. */

import type { Change } from "../../domain/Change.ts"
import { hedgeText, type Hop } from "../../domain/Investigation.ts"
import type { RemediationEvent } from "../../domain/Remediation.ts"
import type { ResourceRef } from "../../domain/Target.ts"

/** `Deployment prod/app`. */
export const refText = ({ kind, name, namespace }: Pick<ResourceRef, "kind" | "name" | "namespace">): string =>
  `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`

/** A write, and which fields it changes. */
export const changeText = (change: Change): string =>
  change._tag === "Patch"
    ? `patch ${refText(change.ref)} at ${
        change.patch
          .map(({ path }) => path)
          .filter((path) => !path.startsWith("/metadata"))
          .join(", ") || "its metadata"
      }`
    : `${change._tag.toLowerCase()} ${refText(change.ref)}`

/** `1.5 min`. */
export const durationText = (ms: number): string =>
  ms < 60_000
    ? `${ms / 1000} s`
    : ms < 3_600_000
      ? `${Math.round(ms / 6000) / 10} min`
      : `${Math.round(ms / 360_000) / 10} h`

/** The tier of a hop, as its breaker is named. */
export const tierOf = ({ investigator, provider }: Hop): string =>
  provider === undefined ? investigator : `${investigator}:${provider}`

/** One step of the fallback chain, and how it ended. */
export const hopText = (hop: Hop): string =>
  `${tierOf(hop)} ${hop.outcome}${hop.reason === undefined ? "" : ` (${hop.reason})`}${
    hop.hedge === undefined ? "" : `, ${hedgeText(hop.hedge)}`
  }, ${hop.attempts} attempt${hop.attempts === 1 ? "" : "s"}, ${Math.round(hop.durationMs)} ms`

/** What a journal event adds to its tag; empty where it adds nothing. */
export const eventText = (event: RemediationEvent): string => {
  switch (event._tag) {
    case "Accepted":
      return `${event.alert.name} (${event.alert.severity}) about ${refText(event.target)}`
    case "Started":
      return `epoch ${event.epoch}`
    case "Retargeted":
      return refText(event.target)
    case "Joined":
      return `to ${event.joinedTo}`
    case "Investigated":
      return `at level ${event.level}: ${event.hops.map(hopText).join("; ") || "no hop"}`
    case "Decided":
      return `${event.decision.outcome} ${event.decision.action.type}${event.decision.reasons.length === 0 ? "" : `: ${event.decision.reasons.map(({ rule }) => rule).join(", ")}`}`
    case "Reviewed":
      return `${event.review.answer} by ${event.review.by}`
    case "ReviewTimedOut":
      return `question ${event.timeout.question}, by ${event.timeout.answerBy}`
    case "ApprovalExpired":
      return `of ${event.by}, at ${event.expiredAt}`
    case "Intended":
      return `${event.intent.action.type}: ${event.intent.changes.map(changeText).join("; ") || "nothing to write"}`
    case "Executed":
      return `applied: ${event.outcome.applied}${event.outcome.failure === undefined ? "" : ` (${event.outcome.failure})`}`
    case "Verified":
      return `${event.verification.verdict}: ${event.verification.reasons.join("; ")}`
    case "RollbackRequested":
      return `${event.request.trigger} of ${event.request.undoes}${event.request.by === undefined ? "" : ` by ${event.request.by}`}`
    case "RollbackStopped":
      return `${event.stop.code}: ${event.stop.message}`
    case "RollbackIntended":
      return `attempt ${event.intent.attempt}: ${event.intent.changes.map(changeText).join("; ") || "nothing to write"}`
    case "RollbackExecuted":
      return `applied: ${event.outcome.applied}${event.outcome.failure === undefined ? "" : ` (${event.outcome.failure})`}`
    case "RollbackVerified":
      return `restored: ${event.verification.restored}: ${event.verification.reasons.join("; ")}`
    case "AlertResolved":
      return `at ${event.endsAt}`
    case "Concluded":
      return `${event.state}: ${event.reason}`
    case "HandedOver":
      return `to ${event.to}`
    default:
      return ""
  }
}
