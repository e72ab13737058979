/** `PatchHpa`: changes the bounds of a HorizontalPodAutoscaler. */

import type { Action } from "../../domain/Action.ts"
import { displayName } from "../../domain/Target.ts"
import type { HorizontalPodAutoscaler } from "../../kubernetes/ObjectModel.ts"
import { refersTo } from "../../kubernetes/Ownership.ts"
import { type Edit, patch, refOf, set } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  isUnread,
  nothingToDo,
  type PlanContext,
  planned,
  type Planner,
  type PlanObjects,
  refuse,
  relatedOf,
  step,
  unreadAsk,
  wrongKind
} from "../Plan.ts"
import { addedReplicasAsks } from "./HeldBackTemplate.ts"
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

/**
 * The ask about new pods of the StatefulSet that the autoscaler scales. A higher maximum permits them, and a higher
 * minimum makes them at once.
 */
const addedPodsAsks = (
  autoscaler: HorizontalPodAutoscaler,
  { maximum, minimum }: { readonly maximum: number; readonly minimum: number },
  objects: PlanObjects
): ReadonlyArray<Ask> => {
  const { maxReplicas, minReplicas, scaleTargetRef } = autoscaler.spec
  if (maximum <= maxReplicas && minimum <= (minReplicas ?? 1)) return []
  if (isUnread(objects, "StatefulSet")) return [unreadAsk("StatefulSet", displayName(refOf(autoscaler)))]
  const scaled = relatedOf(objects, "StatefulSet").find((set) => refersTo(scaleTargetRef, set))
  const to = maximum > maxReplicas ? maximum : minimum
  return scaled === undefined ? [] : addedReplicasAsks(scaled, scaled.spec.replicas ?? 1, to)
}

export const patchHpa: Planner<"PatchHpa"> = (action, subject, objects, context) => {
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
    ...boundAsks(action, "minReplicas", { from: minReplicas ?? 1, to: minimum }, context),
    ...addedPodsAsks(autoscaler, { maximum, minimum }, objects)
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
