/**
 * An action is undone at most once: no second write of its rollback takes effect on an object, whatever happens to the
 * process in between. Only after the service has read back that the object is not restored may it write again.
 */

import { displayName } from "../../domain/Target.ts"
import type { Invariant } from "./Invariant.ts"

export const rolledBackAtMostOnce: Invariant = {
  name: "rolled-back-at-most-once",
  description: "The rollback of an action takes effect at most once on each object.",
  make: (_, report) => {
    /** The execution that each rollback undoes. */
    const undoes = new Map<string, string>()
    /** The latest rollback of each remediation. */
    const latest = new Map<string, string>()
    /** The objects that were written, by the execution that is undone. */
    const undone = new Map<string, Set<string>>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "RollbackIntended" && event._tag === "RollbackIntended") {
              undoes.set(event.intent.executionId, event.intent.undoes)
              latest.set(remediationId, event.intent.undoes)
            } else if (
              kind === "RollbackVerified"
              && event._tag === "RollbackVerified"
              && event.verification.restored === "no"
            )
              undone.delete(latest.get(remediationId) ?? "")
          }
        },
        ClusterWrite: ({ applied, change, executionId = "" }) => {
          const execution = undoes.get(executionId)
          if (applied !== "yes" || execution === undefined) return
          const objects = undone.get(execution) ?? new Set()
          undone.set(execution, objects)
          const name = displayName(change.ref)
          if (objects.has(name)) report(`${executionId} undid ${execution} on ${name}, which was undone already`)
          objects.add(name)
        }
      }
    }
  }
}
