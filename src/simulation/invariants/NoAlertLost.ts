/**
 * An acknowledged alert is in the journal, and its remediation completes or, while the alert fires, waits for a person.
 */

import { isFinal } from "../../domain/Remediation.ts"
import type { Invariant } from "./Invariant.ts"

export const noAlertLost: Invariant = {
  name: "no-alert-lost",
  description:
    "Every acknowledged alert is in the journal, and its remediation ends, or waits for a person while the alert fires.",
  make: (_, report) => {
    /** The open remediations, by id. */
    const open = new Map<string, "open" | "waiting">()
    /** Remediations whose alert is resolved: no review is needed any more. */
    const resolved = new Set<string>()
    /** The fingerprint of the alert of each remediation. */
    const alerts = new Map<string, string>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Accepted" && event._tag === "Accepted") {
              open.set(remediationId, "open")
              alerts.set(remediationId, event.alert.fingerprint)
            }
            // Only the events that matter here are parsed.
            else if (kind === "Concluded" && event._tag === "Concluded") {
              if (!isFinal(event.state)) report(`remediation ${remediationId} concluded as ${event.state}`)
              open.delete(remediationId)
            } else if (kind === "Joined") open.delete(remediationId)
            else if (kind === "Decided" && event._tag === "Decided") {
              open.set(
                remediationId,
                event.decision.outcome === "review" && !resolved.has(remediationId) ? "waiting" : "open"
              )
            } else if (kind === "Reviewed" || kind === "ReviewTimedOut") open.set(remediationId, "open")
            else if (kind === "AlertResolved" && open.has(remediationId)) {
              resolved.add(remediationId)
              open.set(remediationId, "open")
            }
          }
        },
        AlertAnswered: ({ alert, remediationId, status }) => {
          if (status !== "accepted" && status !== "duplicate") return
          if (remediationId === undefined || alerts.get(remediationId) !== alert.fingerprint) {
            report(
              `alert ${alert.fingerprint} was acknowledged as ${status}, and no remediation of it is in the journal`
            )
          }
        }
      },
      atEnd: () => {
        for (const [id, state] of open) if (state === "open") report(`remediation ${id} has not completed`)
      },
      pending: () => [...open].filter(([, state]) => state === "open").map(([id]) => `remediation ${id} is open`)
    }
  }
}
