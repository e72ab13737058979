/**
 * What an investigation saw of the objects that its proposal is about. It is journaled with the answer, so that a later
 * decision, also after a restart or a review, can tell whether the proposal is still about the same objects.
 *
 * What counts is the identity (uid), the revision, the spec, and whether the object has recovered: what was proposed
 * for an object that failed says nothing about one that works. Any other change of status does not matter, so the
 * resourceVersion is recorded and not compared.
 */

import { Schema } from "effect"
import { nodeFaults } from "./NodeFaults.ts"
import { isRolledOut } from "./RevisionHealth.ts"
import { displayName, ResourceRef, sameRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"
import type { WorkloadState } from "./WorkloadState.ts"

/** One object at one point in time. `null` means that the field is unknown or does not apply to the kind. */
export const SeenObject = Schema.Struct({
  ref: ResourceRef,
  /** `null` if the object did not exist. */
  uid: Schema.NullOr(Schema.String),
  generation: Schema.NullOr(Schema.Int),
  revision: Schema.NullOr(Schema.Int),
  resourceVersion: Schema.NullOr(Schema.String),
  /** The digest of its spec, see `kubernetes/SpecDigest`. */
  spec: Schema.NullOr(Schema.String),
  /** A digest for each field of its spec, see `kubernetes/SpecFields`. Absent: not recorded. */
  fields: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** Whether it showed no fault. Absent: its kind does not show it, or it was not recorded. */
  works: Schema.optionalKey(Schema.Boolean)
})
export type SeenObject = typeof SeenObject.Type

/** The objects that an investigation saw: the target, its autoscaler, and its pods. */
export const Seen = Schema.Struct({
  observedAt: Timestamp,
  /** Whether an autoscaler controlled the replica count. The digest then leaves the count out. */
  autoscaled: Schema.Boolean,
  objects: Schema.Array(SeenObject)
})
export type Seen = typeof Seen.Type

/** Whether a target shows no fault; `undefined` where its kind does not show it. */
const worksOf = (state: WorkloadState): boolean | undefined => {
  const { conditions, desiredReplicas, exists, readyReplicas, ref } = state
  if (!exists) return undefined
  switch (ref.kind) {
    case "Node":
      return (
        conditions.some(({ status, type }) => type === "Ready" && status === "True")
        && !conditions.some(({ status, type }) => nodeFaults.has(type) && status === "True")
      )
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet":
    case "ReplicaSet":
    case "Pod":
      return (desiredReplicas ?? 0) > 0 && (readyReplicas ?? 0) >= (desiredReplicas ?? 0) && isRolledOut(state)
    default:
      return undefined
  }
}

const targetOf = (state: WorkloadState): SeenObject => {
  const works = worksOf(state)
  return {
    ref: state.ref,
    uid: state.uid,
    generation: state.generation,
    revision: state.revision,
    resourceVersion: state.resourceVersion,
    spec: state.spec ?? null,
    ...(works === undefined ? {} : { works })
  }
}

/** What a state shows of the target and its parts. */
export const seenOf = (state: WorkloadState): Seen => {
  const { namespace } = state.ref
  const { autoscalerSeen: autoscaler } = state
  const objects: Array<SeenObject> = [targetOf(state)]
  if (autoscaler !== undefined && autoscaler !== null)
    objects.push({
      ref: { namespace, kind: "HorizontalPodAutoscaler", name: autoscaler.name },
      uid: autoscaler.uid,
      generation: null,
      revision: null,
      resourceVersion: autoscaler.resourceVersion,
      spec: autoscaler.spec
    })
  if (state.ref.kind !== "Pod")
    for (const { name, ready, uid } of state.pods)
      objects.push({
        ref: { namespace, kind: "Pod", name },
        uid,
        generation: null,
        revision: null,
        resourceVersion: null,
        spec: null,
        works: ready
      })
  return { observedAt: state.observedAt, autoscaled: state.autoscaler !== null, objects }
}

/** What an investigation saw of an object; `undefined` if it did not see it. */
export const find = (seen: Seen, ref: ResourceRef): SeenObject | undefined =>
  seen.objects.find((object) => sameRef(object.ref, ref))

const differ = <A>(left: A | null, right: A | null): boolean => left !== null && right !== null && left !== right

/** What has changed about an object, for people; `undefined` if the proposal is still about it. */
export const changeOf = (before: SeenObject, now: SeenObject): string | undefined => {
  const name = displayName(before.ref)
  if (before.uid !== now.uid) {
    if (before.uid === null) return `${name} did not exist when the alert was investigated.`
    return now.uid === null
      ? `${name} was deleted after the alert was investigated.`
      : `${name} was deleted and created again after the alert was investigated.`
  }
  if (differ(before.revision, now.revision))
    return `${name} was at revision ${before.revision} when the alert was investigated and is at ${now.revision} now.`
  // A digest says more than the generation, which also grows when an autoscaler sets the replica count.
  const sameSpec =
    before.spec !== null && now.spec !== null ? before.spec === now.spec : !differ(before.generation, now.generation)
  if (!sameSpec) return `The spec of ${name} was changed after the alert was investigated.`
  return before.works === false && now.works === true
    ? `${name} has recovered since the alert was investigated.`
    : undefined
}

/** What has changed about the target since an investigation saw it; `undefined` if nothing that matters. */
export const changeSince = (seen: Seen, now: WorkloadState): string | undefined => {
  const before = find(seen, now.ref)
  return before === undefined
    ? `${displayName(now.ref)} was not seen by the investigation.`
    : changeOf(before, targetOf(now))
}
