/**
 * Every action that wrote to the cluster is verified, rolled back, or escalated to a person.
 *
 * A write that took effect starts an action, whatever the service believes. A write may arrive so late that its
 * remediation has ended, sent by an owner that has been superseded: that remediation must have ended escalated.
 */

import { Senders } from "../observation/Senders.ts"
import type { Invariant } from "./Invariant.ts"

/** How a remediation with an action may end: fixed, rolled back, or escalated to a person. */
const honest: ReadonlySet<string> = new Set(["Remediated", "RolledBack", "Escalated"])

export const startedActionsEnd: Invariant = {
  name: "started-actions-end",
  description: "Every action that wrote to the cluster ends verified, rolled back or escalated.",
  make: (_, report) => {
    const senders = new Senders()
    const remediationOf = new Map<string, string>()
    /** The execution that wrote, by remediation. */
    const begun = new Map<string, string>()
    const verdicts = new Map<string, string>()
    const ended = new Map<string, string>()
    return {
      on: {
        Committed: ({ events }) => {
          for (const { event, kind, remediationId } of events) {
            if (kind === "Intended" && event._tag === "Intended") {
              senders.intended(event.intent)
              remediationOf.set(event.intent.executionId, remediationId)
            } else if (kind === "RollbackIntended" && event._tag === "RollbackIntended")
              remediationOf.set(event.intent.executionId, remediationId)
            // The request of a person opens a remediation that has ended.
            else if (kind === "RollbackRequested") ended.delete(remediationId)
            else if (kind === "Verified" && event._tag === "Verified")
              verdicts.set(remediationId, event.verification.verdict)
            else if (kind === "Concluded" && event._tag === "Concluded") {
              const execution = begun.get(remediationId)
              begun.delete(remediationId)
              ended.set(remediationId, event.state)
              if (execution === undefined) continue
              if (!honest.has(event.state))
                report(`${execution} wrote to the cluster, and its remediation ended as ${event.state}`)
              if (event.state === "Remediated" && verdicts.get(remediationId) !== "fixed") {
                report(`${execution} ended as Remediated on a verdict of ${verdicts.get(remediationId) ?? "nothing"}`)
              }
            }
          }
        },
        ClusterWrite: (write) => {
          const executionId = senders.of(write)
          if (write.applied !== "yes" || executionId === undefined) return
          const remediationId = remediationOf.get(executionId)
          if (remediationId === undefined) return
          const state = ended.get(remediationId)
          if (state === undefined) begun.set(remediationId, executionId)
          else if (state !== "Escalated")
            report(`${executionId} wrote to the cluster after its remediation had ended as ${state}`)
        }
      },
      atEnd: () => {
        for (const execution of begun.values()) report(`${execution} wrote to the cluster and has not completed`)
      },
      pending: () => [...begun.values()].map((execution) => `${execution} is under way`)
    }
  }
}
