/** `PatchHpa`: changes the bounds of a HorizontalPodAutoscaler. */

import { displayName } from "../../domain/Target.ts"
import { type Edit, patch, set } from "../ObjectPatch.ts"
import { nothingToDo, asKind, planned, type Planner, refuse, refuseUnlessApproved, wrongKind } from "../Plan.ts"

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
  if (maximum < maxReplicas && !context.approved) {
    return refuseUnlessApproved(
      "lowers-maximum",
      `Lowering maxReplicas of ${displayName(action.target)} from ${maxReplicas} to ${maximum} reduces capacity, so it needs an approval.`
    )
  }
  const edits: Array<Edit> = []
  if (action.minReplicas !== undefined && action.minReplicas !== minReplicas)
    edits.push(set(["spec", "minReplicas"], action.minReplicas))
  if (action.maxReplicas !== undefined && action.maxReplicas !== maxReplicas)
    edits.push(set(["spec", "maxReplicas"], action.maxReplicas))
  if (edits.length === 0) return nothingToDo
  const { change, inverse } = patch(subject, edits, context)
  return planned([change], { _tag: "Exact", changes: [inverse] })
}
