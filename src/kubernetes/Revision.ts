/**
 * How a cluster marks the revisions of a workload: by a number on a Deployment and its ReplicaSets, and by a hash of
 * the template on every pod that was created from it.
 */

import type { KubernetesObject } from "./KubernetesClient.ts"
import type { Pod, PodTemplate } from "./ObjectModel.ts"
import { sameJson } from "./SameJson.ts"

/** The label of a Deployment's ReplicaSets and pods. */
export const templateHashLabel = "pod-template-hash"

/** The label of the revisions and pods of a StatefulSet or DaemonSet. */
export const revisionHashLabel = "controller-revision-hash"

/** The number of a Deployment's or ReplicaSet's revision, from 1; `null` for an object without one. */
export const revisionOf = ({ metadata: { annotations } }: KubernetesObject): number | null => {
  const revision = Number(annotations?.["deployment.kubernetes.io/revision"])
  return Number.isInteger(revision) && revision > 0 ? revision : null
}

/** The hash of the template that a pod was created from, as its label gives it. */
export const templateHashOf = ({ metadata: { labels } }: Pod): string | null =>
  labels?.[templateHashLabel] ?? labels?.[revisionHashLabel] ?? null

/** The template of a ReplicaSet as its Deployment has it: without the label that the controller adds to the copy. */
export const withoutHash = ({ metadata, ...template }: PodTemplate): PodTemplate => {
  const { [templateHashLabel]: _hash, ...labels } = metadata?.labels ?? {}
  return { ...template, metadata: { ...metadata, labels } }
}

/** Some servers write `creationTimestamp: null` into a template; it has no meaning. */
const comparable = (template: PodTemplate): PodTemplate => {
  const { metadata, ...rest } = withoutHash(template)
  const { creationTimestamp: _none, ...others } = metadata ?? {}
  return { ...rest, metadata: others }
}

/** Whether the template of a Deployment and that of a ReplicaSet are the same. */
export const sameTemplate = (left: PodTemplate, right: PodTemplate): boolean =>
  sameJson(comparable(left), comparable(right))
