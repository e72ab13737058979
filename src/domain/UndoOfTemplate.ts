/**
 * The one place that decides by which action a recorded change is taken back. Pure.
 *
 * | the change                                                                | action               |
 * | ------------------------------------------------------------------------- | -------------------- |
 * | is of a pod template only, and an earlier revision of the workload exists | `RollbackDeployment` |
 * | is of a pod template, and somebody has changed the template again since   | `RestoreObject`      |
 * | is of a pod template, and shares its revision with a change before it     | `RestoreObject`      |
 * | is of a pod template and of other fields                                  | `RestoreObject`      |
 * | is anything else                                                          | `RestoreObject`      |
 *
 * A change of a template makes a revision, so the newest revision is the newest change, and the one before it is the
 * state before. The controller makes one revision of changes within seconds, and of all that are made while a
 * Deployment is paused: a rollback would then take the earlier ones back, too. A rollback brings the pods of that
 * revision back as they were, and whether they serve is known. A later change of somebody else would be lost by it, and
 * other fields than the template would stay as they are.
 */

import type { Action } from "./Action.ts"
import type { ObjectChange } from "./ObjectChange.ts"
import { sameRef } from "./Target.ts"
import { toMillis } from "./Timestamp.ts"
import type { WorkloadState } from "./WorkloadState.ts"

const rollable: ReadonlySet<string> = new Set(["Deployment", "StatefulSet", "DaemonSet"])

const isInTemplate = ({ path }: ObjectChange["fields"][number]): boolean => path[0] === "spec" && path[1] === "template"

/** Whether a change is of the pod template of a workload and of nothing else. */
const isOfTemplateOnly = ({ fields, operation, ref }: ObjectChange): boolean =>
  operation === "modified" && rollable.has(ref.kind) && fields.length > 0 && fields.every(isInTemplate)

/** Whether another change has touched the template after this one. Ids sort in the order of recording. */
const isFollowed = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean =>
  others.some(
    (other) =>
      other.id !== change.id
      && sameRef(other.ref, change.ref)
      && (other.at > change.at || (other.at === change.at && other.id > change.id))
      && other.fields.some(isInTemplate)
  )

/** The controller has made a revision of a change of the template by then. */
const revisionWithinMs = 5000

const pauses = ({ fields }: ObjectChange): boolean =>
  fields.some(({ path }) => path[0] === "spec" && path[1] === "paused")

/** Whether the newest revision may hold an earlier change of the template as well as this one. */
const sharesRevision = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean => {
  const ofObject = others.filter(({ ref }) => sameRef(ref, change.ref))
  return ofObject.some(
    (earlier) =>
      earlier.id < change.id
      && earlier.fields.some(isInTemplate)
      && (toMillis(change.at) - toMillis(earlier.at) <= revisionWithinMs
        || ofObject.some((other) => other.id > earlier.id && pauses(other)))
  )
}

/** Whether its template cannot be taken back by a rollback: the newest revision is not this change alone. */
export const isNotAlone = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean =>
  isFollowed(change, others) || sharesRevision(change, others)

/**
 * The action that takes a change back. `others` are the recorded changes of the same object as far as they are known,
 * `observed` is the alert's target, and `followed` says that its revision is known not to be this change alone.
 */
export const undoOf = (
  change: ObjectChange,
  observed: WorkloadState | null,
  others: ReadonlyArray<ObjectChange> = [],
  followed = false
): Action => {
  const hasEarlier =
    observed !== null
    && observed.exists
    && sameRef(observed.ref, change.ref)
    && (observed.earlierRevisions ?? []).length > 0
  return hasEarlier && !followed && isOfTemplateOnly(change) && !isNotAlone(change, others)
    ? { type: "RollbackDeployment", target: change.ref }
    : { type: "RestoreObject", target: change.ref, change: change.id }
}
