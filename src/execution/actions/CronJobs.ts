/** `SuspendCronJob`: starts no new Jobs. Running Jobs continue. */

import { patch, set } from "../ObjectPatch.ts"
import { nothingToDo, asKind, planned, type Planner, wrongKind } from "../Plan.ts"

export const suspend: Planner<"SuspendCronJob"> = (action, subject, _objects, context) => {
  const cronJob = asKind(subject, "CronJob")
  if (cronJob === undefined) return wrongKind(action)
  if (cronJob.spec.suspend === true) return nothingToDo
  const { change, inverse } = patch(subject, [set(["spec", "suspend"], true)], context)
  return planned([change], { _tag: "Exact", changes: [inverse] })
}
