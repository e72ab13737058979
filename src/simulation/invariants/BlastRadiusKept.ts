/**
 * No more actions than the budgets allow, in any window of time: of a target, of a namespace, of a pool of nodes and of
 * the cluster, at most `burst` and one for each `refill` that has passed. Of the nodes of a pool, at most their share
 * at once.
 *
 * The pools are those that the intent names: where the pods of the target ran, as the service has seen it.
 *
 * Counted from the writes to the cluster, without what a person has approved. Elapsed time is that of the monotonic
 * clock or of the service's wall clock, whichever is longer.
 */

import { Duration } from "effect"
import { type Budget, clusterBudget } from "../../decision/BlastRadiusSettings.ts"
import { defaults } from "../../decision/GuardrailSettings.ts"
import type { Intent } from "../../domain/Execution.ts"
import { poolsOf } from "../../domain/Places.ts"
import { displayName } from "../../domain/Target.ts"
import { poolOf } from "../../kubernetes/NodePools.ts"
import { Senders } from "../observation/Senders.ts"
import { type Invariant, withTruth } from "./Invariant.ts"

interface Began {
  readonly executionId: string
  /** The moment of the intent. */
  readonly atMs: number
  readonly wallMs: number
}

/** A window of time with the action at `index` in it that holds more actions than the budget allows. */
const windowOver = (
  ordered: ReadonlyArray<Began>,
  index: number,
  { burst, refill }: Budget
): { readonly actions: number; readonly withinMs: number } | undefined => {
  for (const [from, first] of ordered.slice(0, index + 1).entries())
    for (const [more, last] of ordered.slice(index).entries()) {
      const actions = index + more - from + 1
      const withinMs = Math.max(last.atMs - first.atMs, last.wallMs - first.wallMs)
      if (actions > burst + withinMs / Duration.toMillis(refill)) return { actions, withinMs }
    }
  return undefined
}

export const blastRadiusKept: Invariant = {
  name: "blast-radius-kept",
  description:
    "Actions that nobody approved stay within the budgets of their target, namespace, node pool and cluster.",
  make: withTruth(({ scenario }, report, { farEnds }) => {
    const settings = { ...defaults, ...scenario.service.guardrails }
    const intended = new Map<string, { readonly intent: Intent; readonly began: Began }>()
    const approved = new Set<string>()
    const counted = new Set<string>()
    const byScope = new Map<string, Array<Began>>()
    const senders = new Senders()

    const count = (scope: string, budget: Budget, began: Began): void => {
      // A write may be late: others may have been intended since, and were written before.
      const ordered = [...(byScope.get(scope) ?? []), began].sort((left, right) => left.atMs - right.atMs)
      byScope.set(scope, ordered)
      const over = windowOver(ordered, ordered.indexOf(began), budget)
      if (over !== undefined)
        report(`${began.executionId} is action ${over.actions} on ${scope} within ${over.withinMs} ms`)
    }

    const poolBudget = (pool: string, ofNodes: boolean): Budget => {
      const { pool: budget } = settings.blastRadius
      if (!ofNodes) return budget
      const nodes = farEnds.cluster.list("Node").filter((node) => poolOf(node) === pool).length
      return { ...budget, burst: Math.min(budget.burst, Math.max(1, Math.floor(nodes * settings.maximumNodesOut))) }
    }

    return {
      on: {
        Committed: ({ events }, atMs) => {
          for (const { at, event, remediationId } of events) {
            if (event._tag === "Reviewed" && event.review.answer === "approved") approved.add(remediationId)
            if (event._tag !== "Intended") continue
            senders.intended(event.intent)
            const { executionId } = event.intent
            const began = { executionId, atMs, wallMs: Date.parse(at) }
            if (!approved.has(remediationId)) intended.set(executionId, { intent: event.intent, began })
          }
        },
        ClusterWrite: (write) => {
          const executionId = senders.of(write)
          const known = executionId === undefined ? undefined : intended.get(executionId)
          if (known === undefined || write.applied !== "yes" || counted.has(known.began.executionId)) return
          counted.add(known.began.executionId)
          const { baseline, places } = known.intent
          const { ref } = baseline
          count(displayName(ref), settings.blastRadius.target, known.began)
          if (ref.namespace !== "") count(`namespace ${ref.namespace}`, settings.blastRadius.namespace, known.began)
          for (const pool of poolsOf(ref.kind, places?.pools ?? []))
            count(`pool ${pool}`, poolBudget(pool, ref.kind === "Node"), known.began)
          count("the cluster", clusterBudget(settings), known.began)
        }
      }
    }
  })
}
