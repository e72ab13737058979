/** `PatchHpa`: changes the bounds of a HorizontalPodAutoscaler. */

import type { Action } from "../../domain/Action.ts"
import { displayName } from "../../domain/Target.ts"
import { type Edit, patch, set } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  nothingToDo,
  type PlanContext,
  planned,
  type Planner,
  refuse,
  step,
  wrongKind
} from "../Plan.ts"
import { scaleAsks } from "./Workloads.ts"

const boundAsks = (
  action: Action,
  bound: "minReplicas" | "maxReplicas",
  { from, to }: { readonly from: number; readonly to: number },
  context: PlanContext
): ReadonlyArray<Ask> => {
  const name = displayName(action.target)
  return to < from
    ? [
        ask(
          bound === "minReplicas" ? "lowers-minimum" : "lowers-maximum",
          `Lowering ${bound} of ${name} from ${from} to ${to} reduces capacity, so it needs an approval.`,
          { from, to }
        )
      ]
    : scaleAsks(name, bound, { from, to }, context)
}

export const patchHpa: Planner<"PatchHpa"> = (action, subject, _objects, context) => {
  const autoscaler = asKind(subject, "HorizontalPodAutoscaler")
  if (autoscaler === undefined) return wrongKind(action)
  if (action.minReplicas === undefined && action.maxReplicas === undefined) {
    return refuse("nothing-asked", "The action sets neither minReplicas nor maxReplicas.")
  }
  const { maxReplicas, minReplicas } = autoscaler.spec
  const minimum = action.minReplicas ?? minReplicas ?? 1
  const maximum = action.maxReplicas ?? maxReplicas
  if (minimum > maximum)
    return refuse(
      "minimum-above-maximum",
      `minReplicas ${minimum} would exceed maxReplicas ${maximum} of ${displayName(action.target)}.`
    )
  const asks = [
    ...boundAsks(action, "maxReplicas", { from: maxReplicas, to: maximum }, context),
    ...boundAsks(action, "minReplicas", { from: minReplicas ?? 1, to: minimum }, context)
  ]
  const edits: Array<Edit> = []
  const figures: Record<string, string> = {}
  if (action.minReplicas !== undefined && action.minReplicas !== minReplicas) {
    edits.push(set(["spec", "minReplicas"], action.minReplicas))
    figures["minReplicas"] = step(minReplicas ?? 1, action.minReplicas)
  }
  if (action.maxReplicas !== undefined && action.maxReplicas !== maxReplicas) {
    edits.push(set(["spec", "maxReplicas"], action.maxReplicas))
    figures["maxReplicas"] = step(maxReplicas, action.maxReplicas)
  }
  if (edits.length === 0) return nothingToDo
  const { change, inverse } = patch(subject, edits, context)
  return planned([change], { _tag: "Exact", changes: [inverse] }, { asks, figures })
}
