/** Cordon, uncordon and drain. */

import type { Change } from "../../domain/Change.ts"
import { displayName } from "../../domain/Target.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { controllerOf, type Pod } from "../../kubernetes/ObjectModel.ts"
import { patch, type Patched, refOf, set, type Signature, unset } from "../ObjectPatch.ts"
import {
  alreadySo,
  asKind,
  planned,
  type Planner,
  type PlanRefusal,
  refuseUnlessApproved,
  relatedOf,
  wrongKind
} from "../Plan.ts"

const at = ["spec", "unschedulable"]

const cordoned = (node: KubernetesObject, signature: Signature): Patched => patch(node, [set(at, true)], signature)

export const cordon: Planner<"CordonNode"> = (action, subject, _objects, context) => {
  const node = asKind(subject, "Node")
  if (node === undefined) return wrongKind(action)
  if (node.spec?.unschedulable === true) return alreadySo
  const { change, inverse } = cordoned(subject, context)
  return planned([change], { _tag: "Exact", changes: [inverse] })
}

export const uncordon: Planner<"UncordonNode"> = (action, subject, _objects, context) => {
  const node = asKind(subject, "Node")
  if (node === undefined) return wrongKind(action)
  if (node.spec?.unschedulable !== true) return alreadySo
  const { change, inverse } = patch(subject, [unset(at)], context)
  return planned([change], { _tag: "Exact", changes: [inverse] })
}

const mirrorAnnotation = "kubernetes.io/config.mirror"

/** Made by the kubelet from a file; the API server only shows it. */
export const isMirror = (pod: Pod): boolean => pod.metadata.annotations?.[mirrorAnnotation] !== undefined

const isFinished = (pod: Pod): boolean => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed"

const keepsLocalData = (pod: Pod): boolean =>
  ((pod.spec["volumes"] as ReadonlyArray<{ readonly emptyDir?: { readonly medium?: string } }> | undefined) ?? []).some(
    ({ emptyDir }) => emptyDir !== undefined && emptyDir.medium !== "Memory"
  )

/**
 * What a drain moves: neither what runs on every node, nor what only the kubelet can stop, nor what has ended or is
 * ending anyway.
 */
const isDrained = (pod: Pod): boolean =>
  controllerOf(pod)?.kind !== "DaemonSet"
  && !isMirror(pod)
  && !isFinished(pod)
  && pod.metadata.deletionTimestamp === undefined

const wouldLose = (pods: ReadonlyArray<Pod>): PlanRefusal | undefined => {
  for (const pod of pods) {
    const name = displayName(refOf(pod))
    if (controllerOf(pod) === undefined)
      return refuseUnlessApproved("unmanaged-pod", `${name} has no owner that would make it anew.`)
    if (keepsLocalData(pod))
      return refuseUnlessApproved("local-data", `${name} keeps data in an emptyDir, which would be lost.`)
  }
  return undefined
}

export const drain: Planner<"DrainNode"> = (action, subject, objects, context) => {
  const node = asKind(subject, "Node")
  if (node === undefined) return wrongKind(action)
  const pods = relatedOf(objects, "Pod").filter((pod) => pod.spec.nodeName === subject.metadata.name && isDrained(pod))
  const refusal = context.approved ? undefined : wouldLose(pods)
  if (refusal !== undefined) return refusal
  const cordoning = node.spec?.unschedulable === true ? undefined : cordoned(subject, context)
  const evictions = pods.map((pod): Change => ({ _tag: "Evict", ref: refOf(pod), uid: pod.metadata.uid }))
  if (cordoning === undefined && evictions.length === 0) return alreadySo
  return planned(cordoning === undefined ? evictions : [cordoning.change, ...evictions], {
    _tag: "Partial",
    changes: cordoning === undefined ? [] : [cordoning.inverse],
    remains: "Evicted pods are not moved back."
  })
}
