/**
 * Templates that somebody holds back. A workload may have a newest template that its controller gives to no running pod
 * until a person says so. An action that makes the controller create a pod would release it as a side effect, so it
 * asks.
 *
 * | the pod belongs to                       | its replacement is made from                          |
 * | ---------------------------------------- | ----------------------------------------------------- |
 * | a StatefulSet or DaemonSet with OnDelete | the newest revision                                   |
 * | a StatefulSet with a partition           | the current revision, if its ordinal is below it      |
 * | a ReplicaSet without a Deployment        | the template as it is now, which may have been edited |
 * | anything else                            | the template that its controller rolls out by itself  |
 *
 * Nothing is released if the pod has that template already. What is not known asks: the owner can't be read, or its
 * controller has not seen its newest spec.
 */

import { displayName } from "../../domain/Target.ts"
import { contains } from "../../kubernetes/Contains.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import {
  controllerOf,
  type DaemonSet,
  type Kind,
  type Pod,
  type ReplicaSet,
  type StatefulSet
} from "../../kubernetes/ObjectModel.ts"
import { isBuiltIn } from "../../kubernetes/Ownership.ts"
import { templateHashLabel, templateHashOf } from "../../kubernetes/Revision.ts"
import { rolloutOf } from "../../kubernetes/WorkloadRollout.ts"
import { refOf } from "../ObjectPatch.ts"
import { type Ask, ask, isUnread, type PlanObjects, relatedOf, unreadAsk } from "../Plan.ts"

type Owner = StatefulSet | DaemonSet | ReplicaSet

const ownerKinds = ["StatefulSet", "DaemonSet", "ReplicaSet"] as const satisfies ReadonlyArray<Kind>
type OwnerKind = (typeof ownerKinds)[number]

/** The owner of a pod whose replacement may have another template; `undefined` if every replacement has the same. */
export const templateOwnerOf = (
  pod: Pod
): { readonly kind: OwnerKind; readonly name: string; readonly uid: string } | undefined => {
  const owner = controllerOf(pod)
  const kind = ownerKinds.find((each) => each === owner?.kind)
  if (owner === undefined || kind === undefined || !isBuiltIn(owner)) return undefined
  // The template of a Deployment's ReplicaSet never changes.
  if (kind === "ReplicaSet" && pod.metadata.labels?.[templateHashLabel] !== undefined) return undefined
  return { kind, name: owner.name, uid: owner.uid }
}

const unknown = "unknown"

/** Which revision a controller makes a pod from. `undefined`: the one that it rolls out anyway. */
interface Source {
  readonly because: string
  readonly hash: string
}

const isObserved = ({ metadata, status }: StatefulSet): boolean =>
  (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0)

/** The partition in force; 0 if there is none. */
const partitionOf = (set: StatefulSet): number =>
  set.spec.updateStrategy?.type === "OnDelete" ? 0 : (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0)

/** A pod below the partition. Ordinals may start above zero. A name without an ordinal counts as below. */
const isBelowPartition = (set: StatefulSet, ordinal: number): boolean => {
  const first = (set.spec["ordinals"] as { readonly start?: number } | undefined)?.start ?? 0
  return !(ordinal >= first + partitionOf(set))
}

const onDelete = "the update strategy OnDelete"

const sourceOf = (owner: StatefulSet | DaemonSet, pod: Pod, objects: PlanObjects): Source | undefined => {
  if (owner.spec.updateStrategy?.type === "OnDelete") {
    const controllerRevisions = relatedOf(objects, "ControllerRevision")
    const newest = rolloutOf(owner, { replicaSets: [], controllerRevisions, pods: [] })?.templateHash
    return { because: onDelete, hash: newest ?? unknown }
  }
  if (owner.kind !== "StatefulSet") return undefined
  const set = owner as StatefulSet
  const partition = partitionOf(set)
  if (partition === 0 || !isBelowPartition(set, Number(pod.metadata.name.split("-").at(-1)))) return undefined
  return {
    because: `the partition ${partition}`,
    hash: (isObserved(set) ? set.status?.currentRevision : undefined) ?? unknown
  }
}

/** A template under two revisions, or why that is not known. */
const revisionAsk = (owner: StatefulSet | DaemonSet, pod: Pod, objects: PlanObjects): ReadonlyArray<Ask> => {
  if (owner.kind === "DaemonSet" && owner.spec.updateStrategy?.type === "OnDelete")
    if (isUnread(objects, "ControllerRevision")) return [unreadAsk("ControllerRevision", displayName(refOf(pod)))]
  const source = sourceOf(owner, pod, objects)
  if (source === undefined) return []
  const hash = templateHashOf(pod) ?? unknown
  if (hash === source.hash && hash !== unknown) return []
  const because = `${displayName(refOf(owner))} has ${source.because}`
  return [heldBackAsk(pod, because, { template: `${hash} -> ${source.hash}` })]
}

const heldBackAsk = (pod: Pod, because: string, figures: Readonly<Record<string, string>> = {}): Ask => {
  const name = displayName(refOf(pod))
  const differs = Object.values(figures).some((value) => value.includes(unknown)) ? "may have" : "has"
  return ask(
    "held-back-template",
    `${name} ${differs} another template than its replacement would have, because ${because}. Evicting it releases a template that was held back, so it needs an approval.`,
    { pod: name, ...figures }
  )
}

const asksOf = (pod: Pod, objects: PlanObjects): ReadonlyArray<Ask> => {
  const reference = templateOwnerOf(pod)
  if (reference === undefined) return []
  if (isUnread(objects, reference.kind)) return [unreadAsk(reference.kind, displayName(refOf(pod)))]
  const owner = (relatedOf(objects, reference.kind) as ReadonlyArray<Owner>).find(
    ({ metadata }) => metadata.uid === reference.uid
  )
  if (owner === undefined)
    return [heldBackAsk(pod, `${reference.kind} ${reference.name} does not exist`, { template: unknown })]
  if (owner.kind !== "ReplicaSet") return revisionAsk(owner as StatefulSet | DaemonSet, pod, objects)
  return contains(pod.spec, (owner as ReplicaSet).spec.template.spec)
    ? []
    : [heldBackAsk(pod, `the template of ${displayName(refOf(owner))} was edited`)]
}

/** The asks about pods that an action makes their owners replace. */
export const templateAsks = (pods: ReadonlyArray<Pod>, objects: PlanObjects): ReadonlyArray<Ask> =>
  pods.flatMap((pod) => asksOf(pod, objects))

/** The ask about more replicas of a workload: a StatefulSet may make them from a template that is held back. */
export const addedReplicasAsks = (workload: KubernetesObject, from: number, to: number): ReadonlyArray<Ask> => {
  if (workload.kind !== "StatefulSet" || to <= from) return []
  const set = workload as StatefulSet
  const partition = partitionOf(set)
  const isOnDelete = set.spec.updateStrategy?.type === "OnDelete"
  if (!isOnDelete && (partition === 0 || partition >= to)) return []
  const { replicas = 0, updatedReplicas = 0, updateRevision = unknown } = set.status ?? {}
  if (isObserved(set) && updatedReplicas >= replicas) return []
  const name = displayName(refOf(set))
  return [
    ask(
      "held-back-template",
      `${name} has ${isOnDelete ? onDelete : `the partition ${partition}`}, and pods of an earlier template. New replicas get the newest template, which was held back, so it needs an approval.`,
      { template: isObserved(set) ? updateRevision : unknown }
    )
  ]
}
