/** Restarting a workload and setting its replica count. */

import { displayName } from "../../domain/Target.ts"
import { patch, set } from "../ObjectPatch.ts"
import { alreadySo, asKind, planned, type Planner, refuse, relatedOf, wrongKind } from "../Plan.ts"

/** The annotation that `kubectl rollout restart` sets. */
const restartedAt = "kubectl.kubernetes.io/restartedAt"

export const restart: Planner<"RestartWorkload"> = (action, subject, _objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet", "DaemonSet")
  if (workload === undefined) return wrongKind(action)
  if (workload.kind === "Deployment" && workload.spec["paused"] === true) {
    return refuse("paused", `The rollouts of ${displayName(action.target)} are paused, so a restart would not begin.`)
  }
  const updateStrategy = workload.spec["updateStrategy"] as { readonly type?: string } | undefined
  if (updateStrategy?.type === "OnDelete") {
    return refuse(
      "restart-on-delete",
      `${displayName(action.target)} replaces its pods only when somebody deletes them.`
    )
  }
  // The same intent always writes the same time, so writing it again restarts nothing.
  const { change } = patch(
    subject,
    [set(["spec", "template", "metadata", "annotations", restartedAt], context.plannedAt)],
    context
  )
  return planned([change], {
    _tag: "NotNeeded",
    reason: "The template is the same but for the time of the restart; its owner makes the pods anew."
  })
}

export const scale: Planner<"ScaleWorkload"> = (action, subject, objects, context) => {
  const workload = asKind(subject, "Deployment", "StatefulSet")
  if (workload === undefined) return wrongKind(action)
  const autoscaler = relatedOf(objects, "HorizontalPodAutoscaler").find(
    ({ spec: { scaleTargetRef } }) =>
      scaleTargetRef.kind === subject.kind && scaleTargetRef.name === subject.metadata.name
  )
  if (autoscaler !== undefined) {
    return refuse(
      "autoscaler-owned",
      `HorizontalPodAutoscaler ${autoscaler.metadata.name} owns the replica count and would put it back.`
    )
  }
  // The API server's own default, should the field be absent.
  if ((workload.spec.replicas ?? 1) === action.replicas) return alreadySo
  const { change, inverse } = patch(subject, [set(["spec", "replicas"], action.replicas)], context)
  return planned([change], { _tag: "Exact", changes: [inverse] })
}
