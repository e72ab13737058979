/** `RestartWorkload` and `ScaleWorkload`. */

import { displayName } from "../../domain/Target.ts"
import { controllerOf, type ReplicaSet } from "../../kubernetes/ObjectModel.ts"
import { refersTo } from "../../kubernetes/Ownership.ts"
import { roomForReplicas } from "../NamespaceRoom.ts"
import { patch, set } from "../ObjectPatch.ts"
import {
  type Ask,
  ask,
  asKind,
  nothingToDo,
  type PlanContext,
  planned,
  type PlanObjects,
  type Planner,
  refuse,
  relatedOf,
  step,
  wrongKind
} from "../Plan.ts"
import { rolloutAsks } from "./Disruption.ts"
import { addedReplicasAsks } from "./HeldBackTemplate.ts"
import { rolloutRefusal, type Workload } from "./RolloutStart.ts"
import { evictionsOf, stuckPods } from "./StuckPods.ts"

/** The annotation that `kubectl rollout restart` sets. */
export const restartedAt = "kubectl.kubernetes.io/restartedAt"

export const restart: Planner<"RestartWorkload"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined) return wrongKind(action)
  const refusal = rolloutRefusal(workload)
  if (refusal !== undefined) return refusal
  // The same intent always writes the same time, so repeating the write restarts nothing.
  const { change } = patch(
    subject,
    [set(["spec", "template", "metadata", "annotations", restartedAt], context.plannedAt)],
    context
  )
  const stuck = stuckPods(workload, objects)
  return planned(
    [change, ...evictionsOf(stuck.pods)],
    { _tag: "NotNeeded", reason: "Only the restart time in the template changes; the owner replaces the pods." },
    { asks: [...rolloutAsks(workload, objects, true), ...stuck.asks], figures: stuck.figures }
  )
}

/** The asks about another replica count, or another bound of it. */
export const scaleAsks = (
  name: string,
  what: string,
  { from, to }: { readonly from: number; readonly to: number },
  context: PlanContext
): ReadonlyArray<Ask> =>
  to > Math.max(1, from) * context.maximumScaleFactor
    ? [
        ask(
          "raises-replicas-far",
          `Raising ${what} of ${name} from ${from} to ${to}, more than ${context.maximumScaleFactor} times, needs an approval.`,
          { what, from, to }
        )
      ]
    : []

/** A ReplicaSet would fail to create the pods that do not fit, and the API server would accept the count. */
const quotaAsks = (
  workload: Workload | ReplicaSet,
  name: string,
  to: number,
  objects: PlanObjects
): ReadonlyArray<Ask> => {
  const { replicas, shortages } = roomForReplicas(workload, to, objects)
  if (shortages.length === 0 || replicas === undefined || to <= replicas.now) return []
  const lines = shortages.map(
    ({ hard, quota, requested, resource, used }) => `${quota} (${resource}: ${requested} more than ${used} of ${hard})`
  )
  return [
    ask(
      "beyond-quota",
      `Not every pod of ${name} would fit: ${to} replicas would exceed the quota ${lines.join(", ")}, so it needs an approval.`,
      { quotas: lines.join(", ") }
    )
  ]
}

/** The guardrail for fewer replicas compares with an earlier read, which may have been lower. */
const lowersUnseen = (from: number, to: number, { decidedOn }: PlanContext): boolean =>
  to < from && !(typeof decidedOn?.desiredReplicas === "number" && to < decidedOn.desiredReplicas)

export const scale: Planner<"ScaleWorkload"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "ReplicaSet")
  if (workload === undefined) return wrongKind(action)
  const owner = workload.kind === "ReplicaSet" ? controllerOf(workload) : undefined
  if (owner !== undefined) {
    return refuse(
      "owner-kind",
      `${displayName(action.target)} belongs to ${owner.kind} ${owner.name}, which sets its replicas. Scale ${owner.kind} ${owner.name} instead.`
    )
  }
  const autoscaler = relatedOf(objects, "HorizontalPodAutoscaler").find(({ spec: { scaleTargetRef } }) =>
    refersTo(scaleTargetRef, subject)
  )
  if (autoscaler !== undefined) {
    return refuse(
      "autoscaler-owned",
      `HorizontalPodAutoscaler ${autoscaler.metadata.name} controls the replica count and would revert the change.`
    )
  }
  // An absent field means one replica.
  const from = workload.spec.replicas ?? 1
  const to = action.replicas
  if (from === to) return nothingToDo
  const name = displayName(action.target)
  const asks = [
    ...scaleAsks(name, "replicas", { from, to }, context),
    ...addedReplicasAsks(subject, from, to),
    ...quotaAsks(workload, name, to, objects),
    ...(lowersUnseen(from, to, context)
      ? [ask("lowers-replicas", `Scaling ${name} from ${from} to ${to} replicas reduces capacity.`, { from, to })]
      : [])
  ]
  const { change, inverse } = patch(subject, [set(["spec", "replicas"], action.replicas)], context)
  return planned([change], { _tag: "Exact", changes: [inverse] }, { asks, figures: { replicas: step(from, to) } })
}
