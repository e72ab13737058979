/**
 * No rollout of the service replaces serving pods against a disruption budget, checked by the budgets and the pods of
 * the cluster.
 *
 * A rollout does not go through the eviction API, so the API server accepts it whatever a budget says. A write to a pod
 * template is reported if, since a minute before it was planned, a budget has allowed no disruption of pods that have
 * been ready for as long. A minute is longer than any read of a plan may lag. A person's approval allows it.
 */

import type { Intent } from "../../domain/Execution.ts"
import { Senders } from "../observation/Senders.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

const marginMs = 60_000

interface Planned {
  readonly atMs: number
  readonly approved: boolean
}

export const budgetsRespected: Invariant = {
  name: "budgets-respected",
  description: "No rollout that nobody approved replaces ready pods while a disruption budget allows no disruption.",
  make: withTruth((_setting, report, { farEnds: { cluster } }) => {
    const senders = new Senders()
    const approved = new Set<string>()
    const planned = new Map<string, Planned>()
    const plan = (remediationId: string, intent: Intent, atMs: number) => {
      senders.intended(intent)
      planned.set(intent.executionId, { atMs, approved: approved.has(remediationId) })
    }
    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { event, remediationId } of events) {
            if (event._tag === "Intended") plan(remediationId, event.intent, atMs)
            else if (event._tag === "Reviewed" && event.review.answer === "approved") approved.add(remediationId)
          }
        },
        ClusterWrite: (write) => {
          const { change } = write
          const executionId = senders.of(write)
          const known = executionId === undefined ? undefined : planned.get(executionId)
          if (known === undefined || known.approved || write.applied !== "yes" || change._tag !== "Patch") return
          if (!change.patch.some(({ path }) => path.startsWith("/spec/template"))) return
          const sinceMs = cluster.forbidden.sinceMs(change.ref.name)
          const earlier = known.atMs - marginMs
          if (sinceMs === undefined || sinceMs > earlier || cluster.readySince(change.ref, earlier) === 0) return
          report(`${executionId} replaces ready pods of ${change.ref.name}, of which a budget allows none to go`)
        }
      }
    }
  })
}
