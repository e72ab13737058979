/**
 * Nothing is written to a cluster that the database does not belong to.
 *
 * The service reads the identity of the cluster before it sends a write, and a write may be under way, or be sent
 * again, for as long as a call to the cluster may take. So a write counts only after that. A process that is paused
 * between the two sends the write when it resumes: it counts from the beginning of the pause.
 */

import { Standstill } from "../observation/Standstill.ts"
import type { Invariant } from "./Invariant.ts"

/** Longer than the deadline of a call and the latency of the network together. */
const underWayMs = 90_000

export const ownClusterOnly: Invariant = {
  name: "own-cluster-only",
  description: "Nothing is written after another cluster has taken the place of the one that the database belongs to.",
  make: (_, report) => {
    let replaced = 0
    let sinceMs = 0
    /** The pauses of each process, by its number. One that was replaced may still resume. */
    const pauses = new Map<number, Standstill>()
    return {
      on: {
        FaultBegan: ({ fault }, atMs) => {
          if (fault.kind !== "cluster-replaced") return
          if (replaced++ === 0) sinceMs = atMs
        },
        FaultHealed: ({ fault }) => {
          if (fault.kind === "cluster-replaced") replaced--
        },
        ProcessPaused: ({ forMs, number }, atMs) => {
          const known = pauses.get(number) ?? new Standstill()
          known.paused(atMs, forMs)
          pauses.set(number, known)
        },
        ClusterWrite: ({ change, process }, atMs) => {
          const afterMs = (pauses.get(process ?? -1)?.since(atMs) ?? atMs) - sinceMs
          if (replaced > 0 && afterMs > underWayMs)
            report(
              `${change._tag} of ${change.ref.kind} ${change.ref.name} was sent ${afterMs} ms after another cluster had taken the place of its own`
            )
        }
      }
    }
  }
}
