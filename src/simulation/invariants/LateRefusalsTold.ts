/**
 * The API server may accept an action and refuse its pods later, to their controller. Such an action is never called a
 * fix; its verification names the refusal, and it is undone, or a person is told.
 *
 * The conditions of the ReplicaSets count, and the events about StatefulSets and DaemonSets, as the API server has them
 * at the moment of the verdict. Reads may lag, so a refusal counts if it had lasted for a while at the last read.
 */

import { displayName, type ResourceRef } from "../../domain/Target.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** Longer than reads lag. */
const knownAfterMs = 15_000

const honest: ReadonlySet<string> = new Set(["RolledBack", "Escalated"])

export const lateRefusalsTold: Invariant = {
  name: "late-refusals-told",
  description: "An action whose pods are refused after the write is never fixed, and is undone or told to a person.",
  make: withTruth((_setting, report, { farEnds: { cluster } }) => {
    const targets = new Map<string, ResourceRef>()
    /** Remediations with a verdict about an action whose pods were refused. */
    const refused = new Set<string>()
    let count = 0
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (event._tag === "Accepted" || event._tag === "Retargeted") targets.set(remediationId, event.target)
            else if (kind === "Verified" && event._tag === "Verified") {
              const ref = targets.get(remediationId)
              const sinceMs = ref === undefined ? undefined : cluster.refusedSinceMs(ref)
              if (ref === undefined || sinceMs === undefined) continue
              if (cluster.readAtMs(ref) - sinceMs < knownAfterMs) continue
              const { failure, observed, verdict } = event.verification
              count++
              refused.add(remediationId)
              if (verdict === "fixed")
                report(`remediation ${remediationId} said that ${displayName(ref)} is fixed, whose pods are refused`)
              else if (observed !== null && failure === undefined)
                report(`remediation ${remediationId} does not say that the pods of ${displayName(ref)} are refused`)
            } else if (kind === "Concluded" && event._tag === "Concluded" && refused.delete(remediationId)) {
              if (!honest.has(event.state))
                report(`the pods of remediation ${remediationId} were refused, and it ended as ${event.state}`)
            }
          }
        }
      },
      figures: () => ({ lateRefusals: count })
    }
  })
}
