/**
 * No write of the service undoes or overwrites a spec that is newer than the investigation that proposed the write. A
 * person who ships a hotfix while a model thinks keeps the hotfix.
 *
 * The cluster's own record of specs is compared with what the investigation saw, as it was journaled. A write is wrong
 * if somebody else wrote the spec after the state that was seen.
 */

import { find, type Seen } from "../../domain/Seen.ts"
import { displayName } from "../../domain/Target.ts"
import { hasTemplate } from "../farEnds/WorkloadObjects.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

export const newerSpecKept: Invariant = {
  name: "newer-spec-kept",
  description: "No write of the service undoes a spec that is newer than the investigation that proposed the write.",
  make: withTruth((_setting, report, { farEnds }) => {
    /** What the latest investigation of each remediation saw. */
    const seenBy = new Map<string, Seen | undefined>()
    /** What the investigation saw that each execution is based on. */
    const basisOf = new Map<string, Seen | undefined>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Investigated" && event._tag === "Investigated") seenBy.set(remediationId, event.seen)
            else if (kind === "Intended" && event._tag === "Intended")
              basisOf.set(event.intent.executionId, seenBy.get(remediationId))
          }
        },
        ClusterWrite: ({ applied, change, executionId }) => {
          if (applied !== "yes" || change._tag !== "Patch" || !hasTemplate(change.ref)) return
          if (executionId === undefined || !basisOf.has(executionId)) return
          const seen = basisOf.get(executionId)
          const before = seen && find(seen, change.ref)
          if (before === undefined)
            return report(`${executionId} wrote to ${displayName(change.ref)}, which no investigation had seen`)
          // The last state is that of this write.
          const states = farEnds.cluster.specs.of(change.ref).slice(0, -1)
          const known = states.findLastIndex(({ digests, uid }) => uid === before.uid && digests.includes(before.spec))
          if (known !== -1 && states.slice(known + 1).some(({ by }) => by === "somebody"))
            report(`${executionId} overwrote a spec of ${displayName(change.ref)} that is newer than its investigation`)
        }
      }
    }
  })
}
