/**
 * The templates that a workload has had: in the ReplicaSets of a Deployment, and in the ControllerRevisions of a
 * StatefulSet or DaemonSet. A controller keeps the latest ones (`revisionHistoryLimit`, 10 by default).
 */

import type { KubernetesObject } from "./KubernetesClient.ts"
import {
  type ControllerRevision,
  controllerOf,
  type Deployment,
  type PodTemplate,
  type ReplicaSet
} from "./ObjectModel.ts"
import { revisionHashLabel, revisionOf, sameTemplate, templateHashLabel, withoutHash } from "./Revision.ts"

/** A template that a workload has had, or has. */
export interface PastTemplate {
  /** A template that is restored gets the next number, so the newest has the highest. */
  readonly revision: number
  /** The hash that the labels of its pods repeat. */
  readonly hash: string | undefined
  readonly template: PodTemplate
  /** The ReplicaSet or ControllerRevision that holds it. */
  readonly holder: KubernetesObject
}

type KeptTemplate = PodTemplate & { readonly $patch?: string }

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isContainer = (value: unknown): boolean =>
  isObject(value) && typeof value["name"] === "string" && typeof (value["image"] ?? "") === "string"

/** The API server takes whatever a ControllerRevision keeps: what no workload can have is no template. */
const isTemplate = (value: unknown): value is KeptTemplate => {
  if (!isObject(value) || !isObject(value["spec"]) || !isObject(value["metadata"] ?? {})) return false
  const { containers } = value["spec"]
  return Array.isArray(containers) && containers.length > 0 && containers.every(isContainer)
}

const templateIn = (data: unknown): KeptTemplate | undefined => {
  const spec = isObject(data) ? data["spec"] : undefined
  const template = isObject(spec) ? spec["template"] : undefined
  return isTemplate(template) ? template : undefined
}

const ofReplicaSet = (set: ReplicaSet): ReadonlyArray<PastTemplate> => {
  const revision = revisionOf(set)
  const hash = set.metadata.labels?.[templateHashLabel]
  return revision === null ? [] : [{ revision, hash, template: withoutHash(set.spec.template), holder: set }]
}

/** A revision without a template is of an owner that keeps something else there, or was written by hand. */
const ofControllerRevision = (owner: KubernetesObject, object: ControllerRevision): ReadonlyArray<PastTemplate> => {
  const { data, metadata, revision } = object
  const kept = templateIn(data)
  if (kept === undefined) return []
  const { $patch: _how, metadata: labelled, ...template } = kept
  const { creationTimestamp: _none, ...meaningful } = labelled ?? {}
  // The pods of a StatefulSet carry the whole name of their revision, and those of a DaemonSet only its hash.
  const hash = owner.kind === "StatefulSet" ? metadata.name : metadata.labels?.[revisionHashLabel]
  return [{ revision, hash, template: { ...template, metadata: meaningful }, holder: object }]
}

/** The templates of a workload, newest first. `objects` may hold others' too. */
export const historyOf = (
  workload: KubernetesObject,
  objects: ReadonlyArray<KubernetesObject>
): ReadonlyArray<PastTemplate> =>
  objects
    .filter((object) => controllerOf(object)?.uid === workload.metadata.uid)
    .flatMap((object) =>
      object.kind === "ReplicaSet"
        ? ofReplicaSet(object as ReplicaSet)
        : object.kind === "ControllerRevision"
          ? ofControllerRevision(workload, object as unknown as ControllerRevision)
          : []
    )
    .sort((left, right) => right.revision - left.revision)

const hasRevisions: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet"])

/**
 * The numbers of the revisions with another template than the present one, whose hash is `newest`, as far as it is
 * known. `null` if they were not read.
 */
export const earlierRevisions = (
  workload: KubernetesObject,
  newest: string | null,
  read: {
    readonly replicaSets?: ReadonlyArray<KubernetesObject>
    readonly controllerRevisions?: ReadonlyArray<KubernetesObject>
  }
): ReadonlyArray<number> | null => {
  const kept = workload.kind === "Deployment" ? read.replicaSets : read.controllerRevisions
  if (kept === undefined || !hasRevisions.has(workload.kind)) return null
  const { template } = (workload as Deployment).spec
  return historyOf(workload, kept)
    .filter((past) => (newest === null ? !sameTemplate(past.template, template) : past.hash !== newest))
    .map(({ revision }) => revision)
}
