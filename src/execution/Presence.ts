/**
 * Reads back from an object whether a change of an intent is in the cluster.
 *
 * That an object does not exist shows no version. The read asks for the newest state: it names no `resourceVersion`, so
 * the API server does not return it from its cache.
 *
 * An object without our signature may have had it: a replacement from a manifest removes the annotation. So a missing
 * signature shows that the change was not made only if something else shows the same:
 *
 * | shown by                                                     | because                                             |
 * | ------------------------------------------------------------ | --------------------------------------------------- |
 * | the signature of another execution of ours                   | it would be gone too                                |
 * | the generation, or the digest of a spec without a generation | nobody has changed the spec since before the change |
 * | other values, if only metadata is changed                    | nothing of the change is there                      |
 */

import { JsonPointer } from "effect"
import type { Change, PatchOperation } from "../domain/Change.ts"
import { sameRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { isOlder } from "../kubernetes/ResourceVersion.ts"
import { sameJson } from "../kubernetes/SameJson.ts"
import { specDigest } from "../kubernetes/SpecDigest.ts"
import { executionAnnotation, plannedVersion, removedSpec, valueAt } from "./ObjectPatch.ts"

/**
 * - `present`: the change is in the cluster.
 * - `absent`: it is not in the cluster, but a write may still take effect.
 * - `superseded`: it is not in the cluster, and no write can take effect any more, because the object has changed. Of a
 *   removal, the write of an earlier run still can.
 * - `unsigned`: the object has changed, and bears no signature. The one who changed it may have removed ours.
 * - `outdated`: what was read is from before the change was planned, so it is not known.
 * - `gone`: the object that would show it is gone, so it is not known.
 */
export type Presence = "present" | "absent" | "superseded" | "unsigned" | "outdated" | "gone"

/** Gone, terminating, or replaced by another object of the same name: the removal has happened. */
const isRemoved = (uid: string, object: KubernetesObject | undefined): boolean =>
  object === undefined || object.metadata.uid !== uid || object.metadata.deletionTimestamp !== undefined

/** What is known of the target before the change. */
export type Before = Pick<WorkloadState, "ref" | "uid" | "generation" | "autoscaler" | "spec" | "autoscalerSeen">

const isOfVersionOrAnnotations = (path: string): boolean =>
  path === "/metadata/resourceVersion" || path.startsWith("/metadata/annotations")

/** Whether an object is as an operation leaves it. */
const holds = (object: KubernetesObject, operation: PatchOperation): boolean => {
  const path = operation.path.split("/").slice(1)
  const value = valueAt(
    object,
    path.map((token) => JsonPointer.unescapeToken(token))
  )
  return operation.op === "remove" ? value === undefined : sameJson(value, operation.value)
}

/** The digest of an object's spec before the change, and whether it leaves out the replicas. */
const digestBefore = ({ kind, metadata }: KubernetesObject, before: Before, isTarget: boolean) => {
  if (isTarget) return { digest: before.spec ?? undefined, autoscaled: before.autoscaler !== null }
  const { autoscalerSeen } = before
  const isAutoscaler = kind === "HorizontalPodAutoscaler" && autoscalerSeen?.uid === metadata.uid
  return { digest: isAutoscaler ? (autoscalerSeen?.spec ?? undefined) : undefined, autoscaled: false }
}

/** Whether something besides the missing signature shows that a patch is not in the cluster. */
const isShownAbsent = (
  { patch, ref }: Extract<Change, { _tag: "Patch" }>,
  object: KubernetesObject,
  before: Before | undefined
): boolean => {
  if (object.metadata.annotations?.[executionAnnotation] !== undefined) return true
  const written = patch.filter(({ path }) => !isOfVersionOrAnnotations(path))
  if (written.every(({ path }) => path.startsWith("/metadata/"))) return !written.every((each) => holds(object, each))
  if (before === undefined) return false
  const isTarget = sameRef(ref, before.ref)
  const { generation } = object.metadata
  if (isTarget && before.generation !== null && generation !== undefined) return generation === before.generation
  const { autoscaled, digest } = digestBefore(object, before, isTarget)
  return digest !== undefined && digest === specDigest(object, autoscaled)
}

/**
 * `object` is the current object, `undefined` if it does not exist. `before` is what is known of the target before the
 * change: another object of its name shows nothing about the change.
 */
export const presenceOf = (
  change: Change,
  executionId: string,
  object: KubernetesObject | undefined,
  before?: Before
): Presence => {
  const uid = before !== undefined && sameRef(change.ref, before.ref) ? (before.uid ?? undefined) : undefined
  const signed = object?.metadata.annotations?.[executionAnnotation] === executionId
  switch (change._tag) {
    case "Patch": {
      if (signed) return "present"
      if (object === undefined || (uid !== undefined && object.metadata.uid !== uid)) return "gone"
      const version = plannedVersion(change)
      const { resourceVersion } = object.metadata
      if (isOlder(resourceVersion, version)) return "outdated"
      if (version === undefined || resourceVersion === version) return "absent"
      return isShownAbsent(change, object, before) ? "superseded" : "unsigned"
    }
    case "Evict":
      // The pod that had this name before: the read is older than the pod, and so than its eviction.
      if (
        object !== undefined
        && object.metadata.uid !== change.uid
        && isOlder(object.metadata.resourceVersion, change.resourceVersion)
      )
        return "outdated"
      return isRemoved(change.uid, object) ? "present" : "absent"
    case "Delete":
      if (object === undefined || isRemoved(change.uid, object)) return "present"
      return change.spec === undefined || change.spec === removedSpec(object) ? "absent" : "superseded"
    case "Create":
      if (object === undefined) return "absent"
      if (signed) return "present"
      return object.metadata.annotations?.[executionAnnotation] === undefined ? "unsigned" : "superseded"
  }
}
