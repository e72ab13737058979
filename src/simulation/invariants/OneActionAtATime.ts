/**
 * No two actions race on one object, and a remediation has one action at a time. The undo of an action counts as one.
 *
 * An action begins with its first write that took effect, and ends when the journal has its verdict, its failure, or
 * the end of its remediation. It affects the objects that it writes to and its target: evicting a workload's pod is an
 * action on the workload.
 *
 * A write that a crashed process has sent may arrive after its remediation has ended with an unknown outcome. It must
 * not race with another action either, but it begins nothing: nobody works on its action any more, and no event of the
 * journal would end it.
 */

import type { ResourceRef } from "../../domain/Target.ts"
import { Senders } from "../observation/Senders.ts"
import type { Invariant } from "./Invariant.ts"

const keyOf = ({ kind, name, namespace }: ResourceRef): string => `${kind} ${namespace}/${name}`

export const oneActionAtATime: Invariant = {
  name: "one-action-at-a-time",
  description: "At most one action per remediation and per object is in progress.",
  make: (_, report) => {
    const senders = new Senders()
    /** The actions in progress: the remediation and the target of each, and the objects that it affects. */
    const remediationOf = new Map<string, string>()
    const targetOf = new Map<string, string>()
    const running = new Map<string, Set<string>>()
    /** The actions that are over. */
    const ended = new Set<string>()
    const end = (execution: string) => {
      running.delete(execution)
      ended.add(execution)
    }
    const over = (remediationId: string) => {
      for (const [execution, remediation] of remediationOf) if (remediation === remediationId) end(execution)
    }
    const intended = (execution: string, remediationId: string, target: ResourceRef) => {
      ended.delete(execution)
      remediationOf.set(execution, remediationId)
      targetOf.set(execution, keyOf(target))
    }
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Intended" && event._tag === "Intended") {
              senders.intended(event.intent)
              intended(event.intent.executionId, remediationId, event.intent.baseline.ref)
            } else if (kind === "RollbackIntended" && event._tag === "RollbackIntended") {
              // The action is not verified any further once it is undone.
              over(remediationId)
              intended(event.intent.executionId, remediationId, event.intent.before.ref)
            } else if (kind === "Verified" || kind === "RollbackVerified" || kind === "Concluded") over(remediationId)
            else if (kind === "Executed" && event._tag === "Executed" && event.outcome.failure !== undefined)
              end(event.outcome.executionId)
          }
        },
        ClusterWrite: (write) => {
          const executionId = senders.of(write)
          if (write.applied !== "yes" || executionId === undefined) return
          const written = keyOf(write.change.ref)
          const target = targetOf.get(executionId) ?? written
          for (const [other, objects] of running) {
            if (other === executionId) continue
            const shared = objects.has(written) ? written : objects.has(target) ? target : undefined
            if (shared !== undefined) report(`${executionId} wrote to ${shared} while ${other} was under way there`)
            if (remediationOf.get(other) === remediationOf.get(executionId))
              report(`${executionId} began while ${other} of the same remediation was under way`)
          }
          if (ended.has(executionId)) return
          const objects = running.get(executionId)
          if (objects === undefined) running.set(executionId, new Set([written, target]))
          else objects.add(written)
        }
      }
    }
  }
}
