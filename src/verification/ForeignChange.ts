/**
 * Whether somebody else has changed the spec of an object since the action: a person ships a fix, scales, or resumes a
 * rollout. What the object is like then does not show whether the action helped, so the verdict is unknown, also when
 * the alert resolves. A target that is broken then is still not fixed.
 *
 * The spec is compared with the one that the API server returned for the dry run of the action. Admission may add
 * something else to each write, so another digest of the same generation is no change. A status, labels, annotations,
 * and the replica count of an autoscaled target do not count (`kubernetes/SpecDigest`).
 */

import type { Intent } from "../domain/Execution.ts"
import type { SeenObject } from "../domain/Seen.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import type { WorkloadState } from "../domain/WorkloadState.ts"
import { otherWriterOf } from "../kubernetes/Managers.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import type { Problem } from "./Problem.ts"
import { readBack, type Sample } from "./Sample.ts"

type Now = Pick<SeenObject, "uid" | "generation" | "spec">

/** `before`: the digest from before the action, which a read that is out of date returns. */
const isChanged = (left: SeenObject, now: Now, before: string | null): boolean => {
  if (left.uid !== now.uid || left.spec === null || now.spec === null || left.spec === now.spec) return false
  return left.generation !== null && now.generation !== null ? now.generation > left.generation : now.spec !== before
}

type Change = Pick<Problem, "code" | "detail">

const changed = (ref: ResourceRef, writer: string | undefined): Change => ({
  code: "changed-by-another",
  detail: `${displayName(ref)} was changed${writer === undefined ? "" : ` by ${writer}`} after the action`
})

/** The objects that somebody else has changed since the action. */
export const foreignChanges = (intent: Intent, sample: Sample, state: WorkloadState): ReadonlyArray<Change> => {
  const { baseline, leaves = [] } = intent
  const patched = readBack(intent)
  return leaves.flatMap((left) => {
    if (sameRef(left.ref, state.ref)) {
      // Without its autoscaler, the digest of an autoscaled target includes the replica count.
      if (sample.targetOnly === true && baseline.autoscaler !== null) return []
      const now = { uid: state.uid, generation: state.generation, spec: state.spec ?? null }
      return isChanged(left, now, baseline.spec ?? null) ? [changed(left.ref, sample.otherWriter)] : []
    }
    const object = sample.written[patched.findIndex(({ ref }) => sameRef(ref, left.ref))]
    return object !== undefined && isChanged(left, seenObject(left.ref, object, false), null)
      ? [changed(left.ref, otherWriterOf(object))]
      : []
  })
}
