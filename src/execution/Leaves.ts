/** The objects as an action leaves them, so that verification can tell a later change of their spec. */

import { type SeenObject, seenOf } from "../domain/Seen.ts"
import { type ResourceRef, sameRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import { specFields } from "../kubernetes/SpecFields.ts"

/** An object that a patch leaves, as the API server returned it for the dry run: with its defaults and admission. */
export interface Left {
  readonly ref: ResourceRef
  readonly object: KubernetesObject
  /** Whether the change creates it. A dry run does not say which uid and version it will have. */
  readonly created?: boolean
}

/** The target, as the baseline shows it unless it is patched, and the patched objects. */
export const leavesOf = (baseline: WorkloadState, left: ReadonlyArray<Left>): ReadonlyArray<SeenObject> => {
  const autoscaled = baseline.autoscaler !== null
  const patched = left.map(({ created = false, object, ref }) => ({
    ...seenObject(ref, object, autoscaled),
    ...(created ? { uid: null, resourceVersion: null } : {}),
    // So that a rollback can say what somebody else has changed since.
    fields: specFields(object, autoscaled)
  }))
  const isPatched = patched.some(({ ref }) => sameRef(ref, baseline.ref))
  return [...(isPatched ? [] : seenOf(baseline).objects.slice(0, 1)), ...patched]
}
