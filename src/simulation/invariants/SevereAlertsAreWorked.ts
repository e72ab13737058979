/**
 * An alert that fires is not left behind when the remediation that it joined ends without an action: it takes over in
 * the same commit, if it is more severe than all that led, or if the alert of the lead resolved.
 */

import { type Severity, Severity as Severities } from "../../domain/Alert.ts"
import type { CommittedEvent } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

interface Seen {
  readonly severity: Severity
  /** The remediation that it joined, or that took over from it. */
  next: string | undefined
  joined: boolean
  resolved: boolean
  acted: boolean
  rejected: boolean
}

const rank = (severity: Severity): number => Severities.literals.indexOf(severity)
const isWorked = ({ severity }: Seen): boolean => severity === "critical" || severity === "warning"

export const severeAlertsAreWorked: Invariant = {
  name: "severe-alerts-are-worked",
  description:
    "When a remediation ends without an action, a more severe alert that joined it and still fires takes over.",
  make: (_, report) => {
    const seen = new Map<string, Seen>()
    /** The remediations that joined each one, or handed over to it. */
    const parts = new Map<string, Array<string>>()
    /** The newest remediation of each alert. The older ones speak for nothing any more. */
    const newest = new Map<string, string>()
    const link = (from: string, to: string) => {
      const self = seen.get(from)
      if (self !== undefined) self.next = to
      parts.set(to, [...(parts.get(to) ?? []), from])
    }
    const treeOf = (id: string): ReadonlyArray<Seen> =>
      (parts.get(id) ?? []).flatMap((part) => [...(seen.has(part) ? [seen.get(part)!] : []), ...treeOf(part)])
    const leftBehind = (id: string, self: Seen, state: string): boolean => {
      if (self.acted || self.rejected || self.next !== undefined) return false
      const tree = treeOf(id)
      const waiting = tree.filter((part) => part.joined && !part.resolved && isWorked(part))
      if (state === "Cancelled") return self.resolved && waiting.length > 0
      if (state !== "Observed" && state !== "Escalated") return false
      const led = Math.min(
        rank(self.severity),
        ...tree.filter((part) => !part.joined).map((part) => rank(part.severity))
      )
      return waiting.some((part) => rank(part.severity) < led)
    }
    const take = ({ event, kind, remediationId }: CommittedEvent) => {
      const self = seen.get(remediationId)
      if (kind === "Accepted" && event._tag === "Accepted") {
        const before = newest.get(event.alert.fingerprint)
        const superseded = before === undefined ? undefined : seen.get(before)
        if (superseded !== undefined) superseded.resolved = true
        newest.set(event.alert.fingerprint, remediationId)
        const { severity } = event.alert
        const fresh = { severity, next: undefined, joined: false, resolved: false, acted: false, rejected: false }
        seen.set(remediationId, fresh)
      } else if (self === undefined) return
      else if (kind === "Joined" && event._tag === "Joined") {
        self.joined = true
        link(remediationId, event.joinedTo)
      } else if (kind === "HandedOver" && event._tag === "HandedOver") link(remediationId, event.to)
      else if (kind === "AlertResolved") self.resolved = true
      else if (kind === "Intended" && event._tag === "Intended") self.acted ||= event.intent.changes.length > 0
      else if (kind === "Executed" && event._tag === "Executed" && event.outcome.applied === "no") self.acted = false
      else if (kind === "Reviewed" && event._tag === "Reviewed") self.rejected ||= event.review.answer === "rejected"
    }
    return {
      on: {
        Committed: ({ events }) => {
          for (const row of events) take(row)
          for (const { event, kind, remediationId } of events) {
            const self = seen.get(remediationId)
            if (self === undefined || kind !== "Concluded" || event._tag !== "Concluded") continue
            if (leftBehind(remediationId, self, event.state))
              report(`remediation ${remediationId} ended as ${event.state}, and an alert that joined it still fires`)
          }
        }
      }
    }
  }
}
