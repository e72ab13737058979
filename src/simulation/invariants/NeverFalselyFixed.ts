/**
 * After a verdict of fixed the workload serves: checked by its pods in the cluster, at the moment of the verdict and
 * for a while after it.
 *
 * A fixed symptom has ended: where the workload served before the action, its alert has not fired ever since. The
 * service is not blamed where it was told that the alert is resolved, and nothing else for the stabilisation window.
 *
 * A verdict is not blamed for changes that somebody else made after the service last read the workload, or for a later
 * action of the service, which restarts pods.
 */

import type { ResourceRef } from "../../domain/Target.ts"
import { hasTemplate } from "../farEnds/WorkloadObjects.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** The default stabilisation window. */
const stabilisationMs = 10_000

/** When pods are checked after the verdict: as long as the first restarts of a crash loop take. */
const checksAfterMs = [0, 1_000, 5_000, 10_000, 20_000, 30_000]

export const neverFalselyFixed: Invariant = {
  name: "never-falsely-fixed",
  description: "After a verdict of fixed the workload serves, and continues to, and a symptom has ended.",
  make: withTruth(({ world }, report, { farEnds: { alertmanager, cluster } }) => {
    const targets = new Map<string, ResourceRef>()
    const alerts = new Map<string, string>()
    /** When an action on a workload that served was intended. */
    const actedMs = new Map<string, number>()
    /** When the service last wrote to a workload, by name. */
    const writtenMs = new Map<string, number>()
    /** Since when the service is told that an alert is resolved, by fingerprint. */
    const resolvedMs = new Map<string, number>()
    let verdicts = 0
    const wrong = new Set<string>()

    const check = (remediationId: string, ref: ResourceRef, readMs: number, atMs: number) => {
      if ((writtenMs.get(ref.name) ?? -Infinity) > atMs) return
      if (wrong.has(remediationId) || cluster.disturbedAtMs(ref) >= readMs || cluster.serves(ref)) return
      wrong.add(remediationId)
      report(
        `remediation ${remediationId} said that ${ref.kind} ${ref.namespace}/${ref.name} is fixed, and ${world.nowMs - atMs} ms later it does not serve`
      )
    }

    return {
      on: {
        AlertAnswered: ({ alert: { fingerprint }, firing }, atMs) => {
          if (firing) resolvedMs.delete(fingerprint)
          else if (!resolvedMs.has(fingerprint)) resolvedMs.set(fingerprint, atMs)
        },
        ClusterWrite: ({ applied, change }, atMs) => {
          if (applied === "yes") writtenMs.set(change.ref.name, atMs)
        },
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (
              (kind === "Accepted" || kind === "Retargeted")
              && (event._tag === "Accepted" || event._tag === "Retargeted")
            ) {
              targets.set(remediationId, event.target)
              if (event._tag === "Accepted") alerts.set(remediationId, event.alert.fingerprint)
            } else if (kind === "Intended" && event._tag === "Intended") {
              const ref = targets.get(remediationId)
              if (ref !== undefined && hasTemplate(ref) && cluster.serves(ref)) actedMs.set(remediationId, atMs)
              else actedMs.delete(remediationId)
            } else if (kind === "Verified" && event._tag === "Verified" && event.verification.verdict === "fixed") {
              verdicts++
              const fingerprint = alerts.get(remediationId) ?? ""
              const sinceMs = alertmanager.suffersSinceMs(fingerprint)
              const isMisled = atMs - (resolvedMs.get(fingerprint) ?? Infinity) >= stabilisationMs
              if (!isMisled && sinceMs !== undefined && sinceMs <= (actedMs.get(remediationId) ?? -Infinity)) {
                wrong.add(remediationId)
                report(
                  `remediation ${remediationId} said that its target is fixed, and its alert has fired since ${sinceMs} ms`
                )
              }
              const ref = targets.get(remediationId)
              if (ref === undefined || !hasTemplate(ref)) continue
              const readMs = cluster.readAtMs(ref)
              for (const afterMs of checksAfterMs)
                world.at(atMs + afterMs, () => check(remediationId, ref, readMs, atMs))
            }
          }
        }
      },
      figures: () => ({ fixedVerdicts: verdicts, falselyFixed: wrong.size })
    }
  })
}
