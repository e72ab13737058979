/**
 * The templates that a workload has had: in the ReplicaSets of a Deployment, and in the ControllerRevisions of a
 * StatefulSet or DaemonSet. A controller keeps the latest ones (`revisionHistoryLimit`, 10 by default).
 */

import type { KubernetesObject } from "./KubernetesClient.ts"
import { type ControllerRevision, controllerOf, type PodTemplate, type ReplicaSet } from "./ObjectModel.ts"
import { revisionHashLabel, revisionOf, templateHashLabel, withoutHash } from "./Revision.ts"

/** A template that a workload has had, or has. */
export interface PastTemplate {
  /** A template that is restored gets the next number, so the newest has the highest. */
  readonly revision: number
  /** The hash that the labels of its pods repeat. */
  readonly hash: string | undefined
  readonly template: PodTemplate
}

interface RevisionData {
  readonly spec?: { readonly template?: PodTemplate & { readonly $patch?: string } }
}

const ofReplicaSet = (set: ReplicaSet): ReadonlyArray<PastTemplate> => {
  const revision = revisionOf(set)
  const hash = set.metadata.labels?.[templateHashLabel]
  return revision === null ? [] : [{ revision, hash, template: withoutHash(set.spec.template) }]
}

/** A revision without a template is of an owner that keeps something else there. */
const ofControllerRevision = (owner: KubernetesObject, object: ControllerRevision): ReadonlyArray<PastTemplate> => {
  const { data, metadata, revision } = object
  const kept = (data as RevisionData | undefined)?.spec?.template
  if (kept === undefined) return []
  const { $patch: _how, metadata: labelled, ...template } = kept
  const { creationTimestamp: _none, ...meaningful } = labelled ?? {}
  // The pods of a StatefulSet carry the whole name of their revision, and those of a DaemonSet only its hash.
  const hash = owner.kind === "StatefulSet" ? metadata.name : metadata.labels?.[revisionHashLabel]
  return [{ revision, hash, template: { ...template, metadata: meaningful } }]
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
