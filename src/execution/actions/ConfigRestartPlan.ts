/** The restart of the alert's target as a part of a restoration: see `ConfigRestart` for when it is needed. */

import type { ObjectChange } from "../../domain/ObjectChange.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import type { Pod } from "../../kubernetes/ObjectModel.ts"
import { foreignOwnerOf } from "../../kubernetes/Ownership.ts"
import { patch, refOf, set } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  isUnread,
  type Plan,
  type PlanContext,
  type PlanObjects,
  relatedOf,
  unreadAsk
} from "../Plan.ts"
import { needsRestart } from "./ConfigRestart.ts"
import { rolloutAsks } from "./Disruption.ts"
import { rolloutRefusal } from "./RolloutStart.ts"
import { evictionsOf, stuckPods } from "./StuckPods.ts"
import { restartedAt } from "./Workloads.ts"

/** The operator of a workload reacts to whatever happens to it, also to a restart. */
const controlledAsks = (workload: KubernetesObject, name: string): ReadonlyArray<Ask> => {
  const owner = foreignOwnerOf(workload)
  return owner?.controls === true
    ? [
        ask(
          "managed-object",
          `${name} is controlled by ${owner.kind} ${owner.name}, whose operator may react to the restart, so it needs an approval.`,
          { manager: `${owner.kind} ${owner.name}` }
        )
      ]
    : []
}

const withNote = (plan: Plan, sentence: string): Plan => ({
  ...plan,
  note: plan.note === undefined ? sentence : `${plan.note} ${sentence}`
})

/** The plan with the restart of the target, if its pods would keep the changed values without it. */
export const restartFor = (change: ObjectChange, plan: Plan, objects: PlanObjects, context: PlanContext): Plan => {
  const workload = objects.target && asKind(objects.target, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined || change.ref.kind !== "ConfigMap" || change.operation === "created") return plan
  const name = displayName(refOf(workload))
  if (isUnread(objects, "Pod"))
    return { ...plan, asks: [...plan.asks, unreadAsk("Pod", `which pods of ${name} hold the changed values`)] }
  const pods: ReadonlyArray<Pod> = relatedOf(objects, "Pod")
  if (!needsRestart(workload.spec.template, pods, change)) return plan
  const refusal = rolloutRefusal(workload)
  if (refusal !== undefined)
    return withNote(plan, `Pods of ${name} keep the changed values until they are restarted. ${refusal.message}`)
  const { change: restart, inverse } = patch(
    workload,
    [set(["spec", "template", "metadata", "annotations", restartedAt], context.plannedAt)],
    context
  )
  const stuck = stuckPods(workload, objects)
  const back =
    plan.inverse._tag === "Exact" ? { ...plan.inverse, changes: [inverse, ...plan.inverse.changes] } : plan.inverse
  return {
    ...plan,
    changes: [...plan.changes, restart, ...evictionsOf(stuck.pods)],
    // What is undone last is listed first: the pods start again once the ConfigMap is as it was.
    inverse: back,
    asks: [...plan.asks, ...controlledAsks(workload, name), ...rolloutAsks(workload, objects, true), ...stuck.asks],
    figures: { ...plan.figures, restarts: name, ...stuck.figures }
  }
}
