/**
 * What an action that replaces running pods may disrupt. Each of these asks a person:
 *
 * - A PodDisruptionBudget that selects the pods allows no disruption now, or its status is not known. A rollout does not
 *   go through the eviction API, so nothing else enforces the budget.
 * - The workload has the strategy Recreate and several pods, of which some are ready: all of them stop at once.
 * - A restart of a StatefulSet of which some pods are ready and some are not: the members that are left may be a quorum.
 *
 * Where no pod is ready, there is nothing to disrupt.
 */

import { displayName } from "../../domain/Target.ts"
import { type Labels, type PodDisruptionBudget, selectorMatches } from "../../kubernetes/ObjectModel.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, relatedOf, unreadAsk } from "../Plan.ts"
import { desiredOf, readyOf, strategyOf, type Workload } from "./RolloutStart.ts"

const isStale = ({ metadata, status }: PodDisruptionBudget): boolean =>
  status === undefined || (status.observedGeneration ?? 0) < (metadata.generation ?? 0)

/** The asks about disruption budgets that select pods with these labels. */
export const budgetAsks = (labels: Labels | undefined, objects: PlanObjects, what: string): ReadonlyArray<Ask> => {
  if (isUnread(objects, "PodDisruptionBudget")) return [unreadAsk("PodDisruptionBudget", what)]
  return relatedOf(objects, "PodDisruptionBudget")
    .filter((budget) => selectorMatches(budget.spec.selector, labels))
    .flatMap((budget) => {
      const { name } = budget.metadata
      if (isStale(budget))
        return [
          ask(
            "disruption-budget",
            `The status of PodDisruptionBudget ${name}, which selects pods of ${what}, is not current, so replacing them needs an approval.`,
            { budget: name }
          )
        ]
      return (budget.status?.disruptionsAllowed ?? 0) > 0
        ? []
        : [
            ask(
              "disruption-budget",
              `PodDisruptionBudget ${name}, which selects pods of ${what}, allows no disruption now, so replacing them needs an approval.`,
              { budget: name }
            )
          ]
    })
}

/** The asks about replacing the pods of a workload by a rollout. */
export const rolloutAsks = (workload: Workload, objects: PlanObjects, isRestart: boolean): ReadonlyArray<Ask> => {
  const name = displayName(refOf(workload))
  const [ready, desired] = [readyOf(workload), desiredOf(workload)]
  if (ready === 0) return []
  const asks = [...budgetAsks(workload.spec.template.metadata?.labels, objects, name)]
  const figures = { ready: `${ready} of ${desired ?? "unknown"}` }
  if (strategyOf(workload).type === "Recreate" && (desired ?? 1) > 1)
    asks.push(
      ask(
        "all-pods-at-once",
        `${name} has the strategy Recreate, so its ${ready} ready pods stop at once, before a new pod starts; that needs an approval.`,
        figures
      )
    )
  if (isRestart && workload.kind === "StatefulSet" && ready < (desired ?? 1))
    asks.push(
      ask(
        "not-fully-ready",
        `Only ${ready} of ${desired} pods of ${name} are ready, and a restart replaces ready members too, so it needs an approval.`,
        figures
      )
    )
  return asks
}
