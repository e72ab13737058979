/**
 * A verdict of fixed means that the workload serves: judged by its pods in the cluster, at the moment of the verdict
 * and for a while after.
 *
 * What somebody else has done to the workload since the service last looked, and after, is not held against the
 * verdict.
 */

import type { ResourceRef } from "../../domain/Target.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

/** After the verdict. As long as the first restarts of a crash loop take. */
const looksAfterMs = [0, 1_000, 5_000, 10_000, 20_000, 30_000]

export const neverFalselyFixed: Invariant = {
  name: "never-falsely-fixed",
  description: "When a remediation says fixed, its workload serves, and goes on to.",
  make: withTruth(({ world }, report, { farEnds: { cluster } }) => {
    const targets = new Map<string, ResourceRef>()
    let verdicts = 0
    const wrong = new Set<string>()

    const look = (remediationId: string, ref: ResourceRef, readMs: number, atMs: number) => {
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
              for (const afterMs of looksAfterMs) world.at(atMs + afterMs, () => look(remediationId, ref, readMs, atMs))
            }
          }
        }
      },
      figures: () => ({ fixedVerdicts: verdicts, falselyFixed: wrong.size })
    }
  })
}
