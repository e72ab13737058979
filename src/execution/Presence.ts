/** Reading back: whether a change of an intent is in the cluster, as far as its object can tell. */
import type { Change } from "../domain/Change.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { executionAnnotation, plannedVersion } from "./ObjectPatch.ts"

/** Where a change stands: in the cluster, not (yet), or not and never again, because the object has changed since. */
export type Presence = "present" | "absent" | "superseded"

/** Reads from the object whether a change of an execution is there. `object` is `undefined` where it does not exist. */
export const presenceOf = (change: Change, executionId: string, object: KubernetesObject | undefined): Presence => {
  const signed = object?.metadata.annotations?.[executionAnnotation] === executionId
  switch (change._tag) {
    case "Patch": {
      if (signed) return "present"
      const version = plannedVersion(change)
      return object !== undefined && (version === undefined || object.metadata.resourceVersion === version) ? "absent" : "superseded"
    }
    // Gone, on its way, or another of the same name: that pod is no more, which is all that was wanted.
    case "Evict":
    case "Delete":
      return object === undefined || object.metadata.uid !== change.uid || object.metadata.deletionTimestamp !== undefined
        ? "present"
        : "absent"
    case "Create":
      return object === undefined ? "absent" : signed ? "present" : "superseded"
  }
}
