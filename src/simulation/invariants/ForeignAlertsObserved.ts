/**
 * An alert of another cluster is recorded and changes nothing here: nothing is read, written or asked for it, and it
 * never becomes one with an alert of ours.
 */

import { isFinal, type RemediationEvent } from "../../domain/Remediation.ts"
import type { Invariant } from "./Invariant.ts"

/** The events of a remediation on which nobody works. */
const passive: ReadonlySet<RemediationEvent["_tag"]> = new Set(["Accepted", "Concluded", "AlertResolved"])

export const foreignAlertsObserved: Invariant = {
  name: "foreign-alerts-observed",
  description:
    "An alert of another cluster ends as Observed in the commit that accepts it, and no work is done for it or joined to it.",
  make: (_, report) => {
    /** The remediations of alerts of another cluster, and whether they have ended. */
    const foreign = new Map<string, boolean>()
    const take = (remediationId: string, event: RemediationEvent): void => {
      if (event._tag === "Accepted") {
        const { cluster } = event.alert.labels
        if (cluster === undefined) return
        foreign.set(remediationId, false)
        if (event.target.cluster !== cluster)
          report(`remediation ${remediationId} of cluster ${cluster} has a target in ${event.target.cluster}`)
        return
      }
      if (event._tag === "Joined" && foreign.has(event.joinedTo))
        report(`remediation ${remediationId} joined ${event.joinedTo}, which is about another cluster`)
      if (!foreign.has(remediationId)) return
      if (!passive.has(event._tag))
        report(`remediation ${remediationId} of another cluster is worked on: ${event._tag}`)
      if (event._tag !== "Concluded") return
      foreign.set(remediationId, isFinal(event.state))
      if (event.state !== "Observed")
        report(`remediation ${remediationId} of another cluster concluded as ${event.state}`)
    }
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, remediationId } of events) take(remediationId, event)
          for (const { event, kind, remediationId } of events)
            if (kind === "Accepted" && event._tag === "Accepted" && foreign.get(remediationId) === false)
              report(`remediation ${remediationId} of another cluster was accepted as work`)
        }
      }
    }
  }
}
