/**
 * A verdict of fixed is about what the action left. A person who ships a fix while a restart is verified has fixed the
 * workload, not the restart.
 *
 * The cluster's own record of specs is compared with the last read of the service: what is written after it, the
 * service cannot know.
 */

import { displayName, type ResourceRef } from "../../domain/Target.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

export const onlyOwnEffectsCredited: Invariant = {
  name: "only-own-effects-credited",
  description: "No action is called a fix of a workload whose spec somebody else has changed since.",
  make: withTruth((_setting, report, { farEnds: { cluster } }) => {
    const targets = new Map<string, ResourceRef>()
    const intendedMs = new Map<string, number>()

    /** Whether the last spec that the service read is somebody else's, and not the one that the action left. */
    const isForeign = (ref: ResourceRef, sinceMs: number): boolean => {
      const readMs = cluster.readAtMs(ref)
      const states = cluster.specs.of(ref).filter(({ atMs }) => atMs < readMs)
      const last = states.at(-1)
      const left =
        states.findLast(({ atMs, by }) => by === "kubernaut" && atMs >= sinceMs)
        ?? states.findLast(({ atMs }) => atMs <= sinceMs)
      return (
        last !== undefined
        && left !== undefined
        && last.by === "somebody"
        && last.atMs > sinceMs
        && last.digests[1] !== left.digests[1]
      )
    }

    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { event, remediationId } of events) {
            if (event._tag === "Accepted" || event._tag === "Retargeted") targets.set(remediationId, event.target)
            else if (event._tag === "Intended") intendedMs.set(remediationId, atMs)
            else if (event._tag === "Verified" && event.verification.verdict === "fixed") {
              const ref = targets.get(remediationId)
              if (ref !== undefined && isForeign(ref, intendedMs.get(remediationId) ?? Infinity))
                report(
                  `remediation ${remediationId} said that its action fixed ${displayName(ref)}, whose spec somebody else has changed since`
                )
            }
          }
        }
      }
    }
  })
}
