/**
 * Nothing is written to a cluster that the database does not belong to.
 *
 * The service reads the identity of the cluster before it sends a write, and a write may be under way, or be sent
 * again, for as long as a call to the cluster may take. So a write counts only after that.
 */

import type { Invariant } from "./Invariant.ts"

/** Longer than the deadline of a call, a freeze of the process, and the latency of the network together. */
const underWayMs = 90_000

export const ownClusterOnly: Invariant = {
  name: "own-cluster-only",
  description: "Nothing is written after another cluster has taken the place of the one that the database belongs to.",
  make: (_, report) => {
    let replaced = 0
    let sinceMs = 0
    return {
      on: {
        FaultBegan: ({ fault }, atMs) => {
          if (fault.kind !== "cluster-replaced") return
          if (replaced++ === 0) sinceMs = atMs
        },
        FaultHealed: ({ fault }) => {
          if (fault.kind === "cluster-replaced") replaced--
        },
        ClusterWrite: ({ change }, atMs) => {
          if (replaced > 0 && atMs - sinceMs > underWayMs)
            report(
              `${change._tag} of ${change.ref.kind} ${change.ref.name} was sent ${atMs - sinceMs} ms after another cluster had taken the place of its own`
            )
        }
      }
    }
  }
}
