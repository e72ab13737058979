/** Every write of the service to the cluster was committed as an intent before. */

import type { Invariant } from "./Invariant.ts"

export const intentBeforeWrite: Invariant = {
  name: "intent-before-write",
  description: "A write to the cluster carries the id of an intent that was committed before it.",
  make: (_, report) => {
    /** The committed writes of each execution, as JSON. */
    const intended = new Map<string, ReadonlySet<string>>()
    const anyone = new Set<string>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind } of events) {
            if (kind !== "Intended" && kind !== "RollbackIntended") continue
            if (event._tag !== "Intended" && event._tag !== "RollbackIntended") continue
            const changes = event.intent.changes.map((change) => JSON.stringify(change))
            intended.set(event.intent.executionId, new Set(changes))
            for (const change of changes) anyone.add(change)
          }
        },
        ClusterWrite: ({ change, executionId }) => {
          const text = JSON.stringify(change)
          const known = executionId === undefined ? anyone : intended.get(executionId)
          if (known?.has(text) !== true)
            report(
              `${change._tag} of ${change.ref.kind} ${change.ref.name} was not intended before (execution ${executionId ?? "unnamed"})`
            )
        }
      }
    }
  }
}
