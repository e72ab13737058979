/**
 * Reads back from an object whether a change of an intent is in the cluster.
 *
 * That an object does not exist shows no version. The read asks for the newest state: it names no `resourceVersion`, so
 * the API server does not return it from its cache.
 */

import type { Change } from "../domain/Change.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { isOlder } from "../kubernetes/ResourceVersion.ts"
import { executionAnnotation, plannedVersion } from "./ObjectPatch.ts"

/**
 * - `present`: the change is in the cluster.
 * - `absent`: it is not in the cluster, but a write may still take effect.
 * - `superseded`: it is not in the cluster, and no write can take effect any more, because the object has changed.
 * - `outdated`: what was read is from before the change was planned, so it is not known.
 * - `gone`: the object that would show it is gone, so it is not known.
 */
export type Presence = "present" | "absent" | "superseded" | "outdated" | "gone"

/** Gone, terminating, or replaced by another object of the same name: the removal has happened. */
const isRemoved = (uid: string, object: KubernetesObject | undefined): boolean =>
  object === undefined || object.metadata.uid !== uid || object.metadata.deletionTimestamp !== undefined

/**
 * `object` is the current object, `undefined` if it does not exist. `uid` is that of the object that the change was
 * planned on, if known: another object of the same name shows nothing about the change.
 */
export const presenceOf = (
  change: Change,
  executionId: string,
  object: KubernetesObject | undefined,
  uid?: string
): Presence => {
  const signed = object?.metadata.annotations?.[executionAnnotation] === executionId
  switch (change._tag) {
    case "Patch": {
      if (signed) return "present"
      if (object === undefined || (uid !== undefined && object.metadata.uid !== uid)) return "gone"
      const version = plannedVersion(change)
      const { resourceVersion } = object.metadata
      if (isOlder(resourceVersion, version)) return "outdated"
      return version === undefined || resourceVersion === version ? "absent" : "superseded"
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
      return isRemoved(change.uid, object) ? "present" : "absent"
    case "Create":
      return object === undefined ? "absent" : signed ? "present" : "superseded"
  }
}
