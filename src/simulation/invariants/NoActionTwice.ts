/**
 * A write that took effect is not repeated.
 *
 * A removal names the uid of its object, so a second one finds the object terminating or gone, and changes nothing. Two
 * processes may both send it: the one whose fence is lost may have sent it just before.
 */

import type { Invariant } from "./Invariant.ts"

export const noActionTwice: Invariant = {
  name: "no-action-twice",
  description: "Every intended write takes effect at most once.",
  make: (_, report) => {
    const done = new Set<string>()
    return {
      on: {
        ClusterWrite: ({ applied, change, executionId }) => {
          if (applied !== "yes" || change._tag === "Evict" || change._tag === "Delete") return
          const write = `${executionId ?? ""} ${JSON.stringify(change)}`
          if (done.has(write))
            report(
              `${change._tag} of ${change.ref.kind} ${change.ref.name} took effect twice (execution ${executionId ?? "unnamed"})`
            )
          done.add(write)
        }
      }
    }
  }
}
