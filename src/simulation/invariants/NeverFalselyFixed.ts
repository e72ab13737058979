/**
 * After a verdict of fixed the workload serves: checked by its pods in the cluster, at the moment of the verdict and
 * for a while after it.
 *
 * A verdict is not blamed for changes that somebody else made after the service last read the workload.
 */

import type { ResourceRef } from "../../domain/Target.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** When pods are checked after the verdict: as long as the first restarts of a crash loop take. */
const checksAfterMs = [0, 1_000, 5_000, 10_000, 20_000, 30_000]

export const neverFalselyFixed: Invariant = {
  name: "never-falsely-fixed",
  description: "After a verdict of fixed the workload serves, and continues to.",
  make: withTruth(({ world }, report, { farEnds: { cluster } }) => {
    const targets = new Map<string, ResourceRef>()
    let verdicts = 0
    const wrong = new Set<string>()

    const check = (remediationId: string, ref: ResourceRef, readMs: number, atMs: number) => {
      if (wrong.has(remediationId) || cluster.disturbedAtMs(ref) >= readMs || cluster.serves(ref)) return
      wrong.add(remediationId)
      report(
        `remediation ${remediationId} said that ${ref.kind} ${ref.namespace}/${ref.name} is fixed, and ${world.nowMs - atMs} ms later it does not serve`
      )
    }

    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { event, kind, remediationId } of events) {
            if (
              (kind === "Accepted" || kind === "Retargeted")
              && (event._tag === "Accepted" || event._tag === "Retargeted")
            )
              targets.set(remediationId, event.target)
            else if (kind === "Verified" && event._tag === "Verified" && event.verification.verdict === "fixed") {
              verdicts++
              const ref = targets.get(remediationId)
              if (ref?.kind !== "Deployment") continue
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
