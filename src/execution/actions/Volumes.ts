/** `ExpandVolume`: requests more storage. The API server refuses to shrink a volume, so there is no inverse. */

import * as Quantity from "../../domain/Quantity.ts"
import { displayName } from "../../domain/Target.ts"
import { patch, set } from "../ObjectPatch.ts"
import { asKind, nothingToDo, planned, type Planner, refuse, relatedOf, step, wrongKind } from "../Plan.ts"

export const expand: Planner<"ExpandVolume"> = (action, subject, objects, context) => {
  const claim = asKind(subject, "PersistentVolumeClaim")
  if (claim === undefined) return wrongKind(action)
  const name = displayName(action.target)
  if (claim.status?.phase !== "Bound") return refuse("volume-not-bound", `${name} is not bound to a volume.`)
  const requested = claim.spec.resources?.requests?.["storage"]
  const before = Quantity.parse(requested)
  const after = Quantity.parse(action.size)
  if (before === undefined || after === undefined)
    return refuse(
      "unreadable-quantity",
      `The size of ${name} can't be compared: it requests ${requested ?? "nothing"}, and the action asks for ${action.size}.`
    )
  if (after === before) return nothingToDo
  if (after < before)
    return refuse("volume-shrinks", `${name} already requests ${requested}; a volume can't shrink to ${action.size}.`)
  const storageClass = relatedOf(objects, "StorageClass").find(
    (each) => each.metadata.name === claim.spec.storageClassName
  )
  if (storageClass?.allowVolumeExpansion !== true) {
    return refuse(
      "volume-not-expandable",
      `StorageClass ${claim.spec.storageClassName ?? "(none)"} does not allow volume expansion (allowVolumeExpansion).`
    )
  }
  const { change } = patch(subject, [set(["spec", "resources", "requests", "storage"], action.size)], context)
  return planned(
    [change],
    { _tag: "Irreversible", reason: "A volume can't shrink." },
    { figures: { storage: step(requested, action.size) } }
  )
}
