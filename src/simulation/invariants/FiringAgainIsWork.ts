/**
 * An alert that fires again is new work: it is not taken for a repeat of an episode that is over. An alert that still
 * fires is not: it has one remediation, whatever start its posts name.
 *
 * A firing post is a repeat of a remediation that has ended only if the alert still fires since then.
 */

import type { AlertIdentity } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

/** How much later one replica of Prometheus may see an alert begin than another. */
const replicaSkewMs = 120_000

const keyOf = ({ fingerprint, startsAt }: AlertIdentity): string => `${fingerprint} of ${startsAt}`

export const firingAgainIsWork: Invariant = {
  name: "firing-again-is-work",
  description:
    "An alert that fires after its remediation ended and its resolution was received begins a remediation, and one that still fires does not.",
  make: ({ world }, report) => {
    /** When each remediation ended. */
    const ended = new Map<string, number>()
    /** When each alert was last sent as firing, apart from repeats. */
    const sent = new Map<string, number>()
    /** The latest start that was acknowledged as part of each remediation. */
    const starts = new Map<string, number>()
    /** The latest end of each alert that was acknowledged, by fingerprint. */
    const ends = new Map<string, number>()
    /** When the end of each remediation's alert was first acknowledged. */
    const resolved = new Map<string, number>()
    const end = ({ fingerprint }: AlertIdentity, remediationId: string, endMs: number, atMs: number) => {
      // A copy of an earlier resolution, and one that was overtaken by a firing post, end nothing.
      if (endMs <= (ends.get(fingerprint) ?? -Infinity) || endMs < (starts.get(remediationId) ?? Infinity)) return
      ends.set(fingerprint, endMs)
      if (!resolved.has(remediationId)) resolved.set(remediationId, atMs)
    }
    /** The newest remediation of each alert, by fingerprint. */
    const newest = new Map<string, string>()
    /** Those whose alert is resolved, as the journal says. */
    const over = new Set<string>()
    const accepted = (fingerprint: string, remediationId: string) => {
      const before = newest.get(fingerprint)
      newest.set(fingerprint, remediationId)
      if (before !== undefined && !ended.has(before) && !over.has(before))
        report(`alert ${fingerprint} begins remediation ${remediationId}, and ${before} is still open about it`)
    }
    const swallowed = (alert: AlertIdentity, remediationId: string, atMs: number): boolean => {
      const endedMs = ended.get(remediationId)
      if (endedMs === undefined) return false
      const startMs = Date.parse(alert.startsAt) - world.wallStartMs
      // A start in the future says nothing about when the alert began: it may be sent again and again.
      if (startMs > endedMs + replicaSkewMs && startMs <= atMs) return true
      const overMs = resolved.get(remediationId)
      const sentMs = sent.get(keyOf(alert))
      return overMs !== undefined && sentMs !== undefined && sentMs > overMs
    }
    return {
      on: {
        AlertSent: ({ alert, firing }, atMs) => {
          if (firing) sent.set(keyOf(alert), atMs)
        },
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Concluded" || kind === "Joined") ended.set(remediationId, atMs)
            else if (kind === "AlertResolved") over.add(remediationId)
            else if (kind === "Accepted" && event._tag === "Accepted") accepted(event.alert.fingerprint, remediationId)
          }
        },
        AlertAnswered: ({ alert, endsAt, firing, remediationId, status }, atMs) => {
          if (remediationId === undefined) return
          if (!firing) return end(alert, remediationId, Date.parse(endsAt ?? ""), atMs)
          if (status === "duplicate" && swallowed(alert, remediationId, atMs))
            report(`alert ${keyOf(alert)} fires again, and was taken for a repeat of remediation ${remediationId}`)
          starts.set(remediationId, Math.max(Date.parse(alert.startsAt), starts.get(remediationId) ?? -Infinity))
        }
      }
    }
  }
}
