/**
 * Actions for an alert affect the workload with the problem, whether the alert's labels name a pod or the workload.
 */

import { displayName, type ResourceRef } from "../../domain/Target.ts"
import { hasTemplate } from "../farEnds/WorkloadObjects.ts"
import type { AlertIdentity } from "../observation/Observation.ts"
import type { Invariant } from "./Invariant.ts"

export const rightTarget: Invariant = {
  name: "right-target",
  description: "Alerts about two workloads never become one, and a workload is written to only for alerts about it.",
  make: (_, report) => {
    const keyOf = ({ fingerprint, startsAt }: AlertIdentity): string => `${fingerprint} ${startsAt}`
    /** The true workload of each alert and each remediation, as the sender knows it. */
    const ofAlert = new Map<string, ResourceRef>()
    const ofRemediation = new Map<string, ResourceRef>()
    const remediationOf = new Map<string, string>()
    const isOther = (left: ResourceRef, right: ResourceRef | undefined): right is ResourceRef =>
      right !== undefined && displayName(left) !== displayName(right)
    return {
      on: {
        AlertSent: ({ about, alert, firing }) => {
          if (firing) ofAlert.set(keyOf(alert), about)
        },
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Accepted" && event._tag === "Accepted") {
              const about = ofAlert.get(keyOf(event.alert))
              if (about !== undefined) ofRemediation.set(remediationId, about)
            } else if (kind === "Intended" && event._tag === "Intended")
              remediationOf.set(event.intent.executionId, remediationId)
            else if (kind === "Joined" && event._tag === "Joined") {
              const about = ofRemediation.get(remediationId)
              const other = ofRemediation.get(event.joinedTo)
              if (about !== undefined && isOther(about, other)) {
                report(
                  `remediation ${remediationId} about ${displayName(about)} joined ${event.joinedTo} about ${displayName(other)}`
                )
              }
            }
          }
        },
        ClusterWrite: ({ change, executionId }) => {
          if (executionId === undefined || !hasTemplate(change.ref)) return
          const remediationId = remediationOf.get(executionId)
          const about = remediationId === undefined ? undefined : ofRemediation.get(remediationId)
          if (isOther(change.ref, about))
            report(`remediation ${remediationId} about ${displayName(about)} wrote to ${displayName(change.ref)}`)
        }
      }
    }
  }
}
