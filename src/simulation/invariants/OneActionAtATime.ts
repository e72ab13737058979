/**
 * No two actions race on one object, and a remediation has one action at a time.
 *
 * An action begins with its first write that took effect, and is over when the journal has its verdict, its failure, or the end of its remediation.
 */
import type { ResourceRef } from "../../domain/Target.ts"
import type { Invariant } from "../Invariant.ts"

const keyOf = ({ kind, name, namespace }: ResourceRef): string => `${kind} ${namespace}/${name}`

export const oneActionAtATime: Invariant = {
  name: "one-action-at-a-time",
  description: "At most one action per remediation and per object is under way at a time.",
  make: (_, report) => {
    /** Of actions that are not over: the remediation of each, and the objects that it has written to. */
    const remediationOf = new Map<string, string>()
    const running = new Map<string, Set<string>>()
    const over = (remediationId: string) => {
      for (const execution of running.keys()) if (remediationOf.get(execution) === remediationId) running.delete(execution)
    }
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Intended" && event._tag === "Intended") remediationOf.set(event.intent.executionId, remediationId)
            else if (kind === "Verified" || kind === "Concluded") over(remediationId)
            else if (kind === "Executed" && event._tag === "Executed" && event.outcome.failure !== undefined) running.delete(event.outcome.executionId)
          }
        },
        ClusterWrite: ({ applied, change, executionId }) => {
          if (applied !== "yes" || executionId === undefined) return
          const key = keyOf(change.ref)
          for (const [other, objects] of running) {
            if (other === executionId) continue
            if (objects.has(key)) report(`${executionId} wrote to ${key} while ${other} was under way there`)
            if (remediationOf.get(other) === remediationOf.get(executionId)) report(`${executionId} began while ${other} of the same remediation was under way`)
          }
          const objects = running.get(executionId)
          if (objects === undefined) running.set(executionId, new Set([key]))
          else objects.add(key)
        }
      }
    }
  }
}
