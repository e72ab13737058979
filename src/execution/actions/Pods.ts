/** `EvictPod`, and `QuarantinePod`, which takes a pod out of service for inspection. */

import { displayName } from "../../domain/Target.ts"
import { isMirror } from "../../kubernetes/NodePods.ts"
import { controllerOf, hasLabels, isPodReady, type Pod } from "../../kubernetes/ObjectModel.ts"
import { controllerOfKind } from "../../kubernetes/Ownership.ts"
import { type Edit, patch, set, unset } from "../ObjectPatch.ts"
import { nothingToDo, asKind, planned, type Planner, type PlanObjects, refuse, relatedOf, wrongKind } from "../Plan.ts"
import { budgetAsks } from "./Disruption.ts"
import { templateAsks } from "./HeldBackTemplate.ts"
import { lossAsks, workAsks } from "./PodLoss.ts"
import { evictionsOf } from "./StuckPods.ts"

export const evict: Planner<"EvictPod"> = (action, subject, objects) => {
  const pod = asKind(subject, "Pod")
  if (pod === undefined) return wrongKind(action)
  const name = displayName(action.target)
  if (isMirror(pod))
    return refuse("mirror-pod", `${name} is a static pod, which the kubelet runs from a file; it can't be evicted.`)
  if (controllerOf(pod) === undefined)
    return refuse("unmanaged-pod", `${name} has no controller that would replace it.`)
  if (pod.spec.restartPolicy === "Never")
    return refuse("job-pod", `${name} runs once (restartPolicy Never), so an eviction ends its work for good.`)
  return planned(
    evictionsOf([pod]),
    { _tag: "NotNeeded", reason: "The owner creates a replacement pod." },
    { asks: [...workAsks(pod), ...lossAsks(pod), ...templateAsks([pod], objects)], figures: { uid: pod.metadata.uid } }
  )
}

/** Marks a quarantined pod. */
const quarantineLabel = "kubernaut.dev/quarantine"

/** The labels by which the pod's owner and its Services select it. */
const selectingLabels = (pod: Pod, objects: PlanObjects): ReadonlyArray<string> => {
  const owner = relatedOf(objects, "ReplicaSet").find((each) => each.metadata.uid === controllerOf(pod)?.uid)
  const services = relatedOf(objects, "Service")
    .map((service) => service.spec?.selector ?? {})
    .filter((selector) => hasLabels(pod.metadata.labels, selector))
  const keys = [owner?.spec.selector.matchLabels ?? {}, ...services].flatMap(Object.keys)
  return [...new Set(keys)].filter((key) => pod.metadata.labels?.[key] !== undefined)
}

export const quarantine: Planner<"QuarantinePod"> = (action, subject, objects, context) => {
  const pod = asKind(subject, "Pod")
  if (pod === undefined) return wrongKind(action)
  if (pod.metadata.labels?.[quarantineLabel] !== undefined) return nothingToDo
  // A StatefulSet would need the pod's own name for a replacement, a DaemonSet its ports on the node.
  if (controllerOfKind(pod, "ReplicaSet") === undefined) {
    return refuse(
      "owner-kind",
      `${displayName(action.target)} is not controlled by a ReplicaSet, so nothing would replace it while it is quarantined.`
    )
  }
  const edits: ReadonlyArray<Edit> = [
    ...selectingLabels(pod, objects).map((key) => unset(["metadata", "labels", key])),
    set(["metadata", "labels", quarantineLabel], "true")
  ]
  const { change, inverse } = patch(subject, edits, context)
  return planned(
    [change],
    {
      _tag: "Partial",
      changes: [inverse],
      remains:
        "The owner has created a replacement. Once the labels are restored it has one pod too many and deletes one."
    },
    {
      asks: [
        ...(isPodReady(pod) ? budgetAsks(pod.metadata.labels, objects, displayName(action.target)) : []),
        ...templateAsks([pod], objects)
      ],
      figures: { uid: pod.metadata.uid }
    }
  )
}
