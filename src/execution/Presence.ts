/** Reading back: whether a change of an intent is in the cluster, as far as its object can tell. */

import type { Change } from "../domain/Change.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { executionAnnotation, plannedVersion } from "./ObjectPatch.ts"

/**
 * Where a change stands: in the cluster; not (yet); not and never again, because the object has changed since; or
 * nobody can tell any more, because the object that would say so is gone.
 */
export type Presence = "present" | "absent" | "superseded" | "gone"

/**
 * Reads from the object whether a change of an execution is there. `object` is `undefined` where it does not exist.
 * `uid` is that of the object that the change was planned on, where it is known: another one of the same name tells
 * nothing.
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
      return version === undefined || object.metadata.resourceVersion === version ? "absent" : "superseded"
    }
    // Gone, on its way, or another of the same name: that pod is no more, which is all that was wanted.
    case "Evict":
    case "Delete":
      return object === undefined
        || object.metadata.uid !== change.uid
        || object.metadata.deletionTimestamp !== undefined
        ? "present"
        : "absent"
    case "Create":
      return object === undefined ? "absent" : signed ? "present" : "superseded"
  }
}
