/** Changing the bounds of a HorizontalPodAutoscaler. */

import { displayName } from "../../domain/Target.ts"
import { type Edit, patch, set } from "../ObjectPatch.ts"
import { alreadySo, asKind, planned, type Planner, refuse, refuseUnlessApproved, wrongKind } from "../Plan.ts"

export const patchHpa: Planner<"PatchHpa"> = (action, subject, _objects, context) => {
  const autoscaler = asKind(subject, "HorizontalPodAutoscaler")
  if (autoscaler === undefined) return wrongKind(action)
  if (action.minReplicas === undefined && action.maxReplicas === undefined) {
    return refuse("nothing-asked", "The action names neither a minimum nor a maximum.")
  }
  const { maxReplicas, minReplicas } = autoscaler.spec
  const minimum = action.minReplicas ?? minReplicas ?? 1
  const maximum = action.maxReplicas ?? maxReplicas
  if (minimum > maximum)
    return refuse("minimum-above-maximum", `The minimum ${minimum} would be above the maximum ${maximum}.`)
  if (maximum < maxReplicas && !context.approved) {
    return refuseUnlessApproved(
      "lowers-maximum",
      `Lowering the maximum of ${displayName(action.target)} from ${maxReplicas} to ${maximum} takes capacity away.`
    )
  }
  const edits: Array<Edit> = []
  if (action.minReplicas !== undefined && action.minReplicas !== minReplicas)
    edits.push(set(["spec", "minReplicas"], action.minReplicas))
  if (action.maxReplicas !== undefined && action.maxReplicas !== maxReplicas)
    edits.push(set(["spec", "maxReplicas"], action.maxReplicas))
  if (edits.length === 0) return alreadySo
  const { change, inverse } = patch(subject, edits, context)
  return planned([change], { _tag: "Exact", changes: [inverse] })
}
