/**
 * An answer never widens the scope: whatever a model says, what the service takes from it is about the workload that
 * the alert is truly about, or a part of it.
 *
 * A restoration names a recorded change, which `RestoresAsRecorded` judges.
 */

import { displayName, type ResourceRef } from "../../domain/Target.ts"
import type { Cluster } from "../farEnds/Cluster.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

const keyOf = (alert: { readonly fingerprint: string; readonly startsAt: string }): string =>
  `${alert.fingerprint} ${alert.startsAt}`

const isPart = (cluster: Cluster, about: ResourceRef, { kind, name, namespace }: ResourceRef): boolean => {
  if (namespace !== about.namespace) return false
  if (kind === about.kind && name === about.name) return true
  if (kind === "Pod") return name.startsWith(`${about.name}-`)
  if (kind !== "HorizontalPodAutoscaler") return false
  const found = cluster.read({ kind, name, namespace })
  const spec = found._tag === "Success" ? (found.success as { readonly spec?: unknown } | undefined)?.spec : undefined
  return JSON.stringify(spec ?? {}).includes(`"name":"${about.name}"`)
}

export const scopeKept: Invariant = {
  name: "scope-kept",
  description:
    "No answer of a model that the service takes is about anything but the alert's workload or a part of it.",
  make: withTruth((_setting, report, { farEnds: { cluster } }) => {
    const ofAlert = new Map<string, ResourceRef>()
    const ofRemediation = new Map<string, ResourceRef>()
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
            } else if (kind === "Investigated" && event._tag === "Investigated") {
              const about = ofRemediation.get(remediationId)
              const { investigation } = event
              if (about === undefined || investigation === undefined || investigation.investigator === "rules") continue
              const { action } = investigation
              if (action.type !== "RestoreObject" && !isPart(cluster, about, action.target))
                report(
                  `${remediationId} about ${displayName(about)} took ${action.type} on ${displayName(action.target)} from ${investigation.investigator}`
                )
            }
          }
        }
      }
    }
  })
}
