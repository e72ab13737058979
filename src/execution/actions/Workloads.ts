/** `RestartWorkload` and `ScaleWorkload`. */

import { displayName } from "../../domain/Target.ts"
import { refersTo } from "../../kubernetes/Ownership.ts"
import { patch, set } from "../ObjectPatch.ts"
import { asKind, nothingToDo, planned, type Planner, refuse, relatedOf, step, wrongKind } from "../Plan.ts"

/** The annotation that `kubectl rollout restart` sets. */
const restartedAt = "kubectl.kubernetes.io/restartedAt"

export const restart: Planner<"RestartWorkload"> = (action, subject, _objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined) return wrongKind(action)
  if (workload.kind === "Deployment" && workload.spec["paused"] === true) {
    return refuse(
      "paused",
      `The rollout of ${displayName(action.target)} is paused, so a restart would not start. Resume it first.`
    )
  }
  const updateStrategy = workload.spec["updateStrategy"] as { readonly type?: string } | undefined
  if (updateStrategy?.type === "OnDelete") {
    return refuse(
      "restart-on-delete",
      `${displayName(action.target)} has the update strategy OnDelete, so a restart would replace no pods.`
    )
  }
  // The same intent always writes the same time, so repeating the write restarts nothing.
  const { change } = patch(
    subject,
    [set(["spec", "template", "metadata", "annotations", restartedAt], context.plannedAt)],
    context
  )
  return planned([change], {
    _tag: "NotNeeded",
    reason: "Only the restart time in the template changes; the owner replaces the pods."
  })
}

export const scale: Planner<"ScaleWorkload"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet")
  if (workload === undefined) return wrongKind(action)
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
  if ((workload.spec.replicas ?? 1) === action.replicas) return nothingToDo
  const { change, inverse } = patch(subject, [set(["spec", "replicas"], action.replicas)], context)
  return planned(
    [change],
    { _tag: "Exact", changes: [inverse] },
    { figures: { replicas: step(workload.spec.replicas ?? 1, action.replicas) } }
  )
}
