/**
 * An alert that fires again is new work: it is not taken for a repeat of an episode that is over.
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
  description: "An alert that fires after its remediation ended and its resolution was received begins a remediation.",
  make: ({ world }, report) => {
    /** When each remediation ended. */
    const ended = new Map<string, number>()
    /** When each alert was last sent as firing, apart from repeats. */
    const sent = new Map<string, number>()
    /** The alerts that were acknowledged as part of each remediation. */
    const partsOf = new Map<string, Set<string>>()
    /** When the end of each remediation's alert was first acknowledged. */
    const resolved = new Map<string, number>()
    const swallowed = (alert: AlertIdentity, remediationId: string): boolean => {
      const endedMs = ended.get(remediationId)
      if (endedMs === undefined) return false
      if (Date.parse(alert.startsAt) - world.wallStartMs > endedMs + replicaSkewMs) return true
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
          for (const { kind, remediationId } of events) if (kind === "Concluded") ended.set(remediationId, atMs)
        },
        AlertAnswered: ({ alert, firing, remediationId, status }, atMs) => {
          if (remediationId === undefined) return
          const parts = partsOf.get(remediationId) ?? new Set()
          partsOf.set(remediationId, parts)
          if (!firing) {
            if (parts.has(keyOf(alert)) && !resolved.has(remediationId)) resolved.set(remediationId, atMs)
            return
          }
          if (status === "duplicate" && swallowed(alert, remediationId))
            report(`alert ${keyOf(alert)} fires again, and was taken for a repeat of remediation ${remediationId}`)
          parts.add(keyOf(alert))
        }
      }
    }
  }
}
