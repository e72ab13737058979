/**
 * A remediation that ends as `RolledBack` leaves each workload with the spec from before its action, unless somebody
 * else has written to it since.
 *
 * The cluster's own record of specs is compared, not what the service has read back.
 */

import type { ResourceRef } from "../../domain/Target.ts"
import { displayName } from "../../domain/Target.ts"
import { hasTemplate } from "../farEnds/WorkloadObjects.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** A write of an action: the workload, and the place of the spec that it left. */
interface Written {
  readonly ref: ResourceRef
  readonly index: number
}

interface Acted {
  readonly autoscaled: boolean
  readonly written: Array<Written>
}

export const inverseRestoresExactly: Invariant = {
  name: "inverse-restores-exactly",
  description: "A remediation that was rolled back leaves the spec from before its action.",
  make: withTruth((_setting, report, { farEnds }) => {
    const acted = new Map<string, Acted>()
    /** The execution that the latest rollback of a remediation undoes. */
    const undone = new Map<string, string>()
    const check = (remediationId: string, { autoscaled, written }: Acted): void => {
      for (const { index, ref } of written) {
        const states = farEnds.cluster.specs.of(ref)
        const [before, now] = [states[index - 1], states.at(-1)]
        if (before === undefined || now === undefined || states.slice(index).some(({ by }) => by === "somebody"))
          continue
        // Where an autoscaler owns the replica count, the rest of the spec is compared.
        const digest = autoscaled ? 1 : 0
        if (before.digests[digest] !== now.digests[digest])
          report(`remediation ${remediationId} was rolled back, and the spec of ${displayName(ref)} is another`)
      }
    }
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Intended" && event._tag === "Intended")
              acted.set(event.intent.executionId, {
                autoscaled: (event.intent.baseline.autoscaler ?? null) !== null,
                written: []
              })
            else if (kind === "RollbackRequested" && event._tag === "RollbackRequested")
              undone.set(remediationId, event.request.undoes)
            else if (kind === "Concluded" && event._tag === "Concluded" && event.state === "RolledBack") {
              const execution = acted.get(undone.get(remediationId) ?? "")
              if (execution !== undefined) check(remediationId, execution)
            }
          }
        },
        ClusterWrite: ({ applied, change, executionId = "" }) => {
          if (applied !== "yes" || change._tag !== "Patch" || !hasTemplate(change.ref)) return
          const { ref } = change
          acted.get(executionId)?.written.push({ ref, index: farEnds.cluster.specs.of(ref).length - 1 })
        }
      }
    }
  })
}
