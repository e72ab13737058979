/**
 * Whether somebody has reverted a write of Kubernaut: has made a change again that it took back, for example. Pure.
 *
 * Somebody who does so has decided against the undo, and has seen it. To undo it once more would be a war with them, at
 * night and on their own incident. It may be a mistake that was made twice all the same. Only a person can tell.
 *
 * Only the fields that can break something count (`FieldEffects`). A change reverts a write of ours if
 *
 * | the change                                                  | such as                                                |
 * | ----------------------------------------------------------- | ------------------------------------------------------ |
 * | does nothing else                                           | the earlier number of replicas, after we had scaled up |
 * | reverts all of an undo of ours, and does something else too | the same release again, with one more variable         |
 *
 * So the next release is one of its own, even if it keeps a variable of the one that was rolled back, or if its
 * manifest states the replicas or the memory of before. Where a pod template was written, it alone counts: a rollback
 * leaves the replicas of the release as they are, and is its undo all the same.
 */

import { differences, display, type FieldDifference, type FieldPath, valueAt } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { breakingFields, decisiveFields } from "./FieldEffects.ts"

/** The rest of a path below another one; `undefined` if it is not at or below it. */
const below = (path: FieldPath, above: FieldPath): FieldPath | undefined =>
  path.length >= above.length && display(path.slice(0, above.length)) === display(above)
    ? path.slice(above.length)
    : undefined

/** Whether a field has the value again that it had before our write, in what both have changed. */
const isBack = (field: FieldDifference, ours: FieldDifference): boolean => {
  const [inner, outer] = [below(field.path, ours.path), below(ours.path, field.path)]
  if (inner !== undefined) return differences(valueAt(ours.before, inner), field.after).length === 0
  return outer !== undefined && differences(ours.before, valueAt(field.after, outer)).length === 0
}

const isTakenBackBy = (field: FieldDifference, { fields }: ObjectChange): boolean =>
  fields.some((each) => isBack(each, field))

const scaledOrHeld: ReadonlySet<unknown> = new Set([
  "replicas",
  "minReplicas",
  "maxReplicas",
  "suspend",
  "unschedulable"
])

/** What we write for other reasons than to take a change back: a scale, a limit, a suspension, a cordon, a restart. */
const isOfAnyAction = ({ path }: FieldDifference): boolean =>
  path.includes("resources") || path.includes("metadata") || (path[0] === "spec" && scaledOrHeld.has(path[1]))

/** Our own action, taken back. */
const isOfRollback = ({ execution }: ObjectChange): boolean => /-rollback-\d+$/.test(execution ?? "")

/**
 * Whether what a write of ours changed was a change of somebody else that it took back, and not a new value. Only an
 * undo writes a field that no other action has, so the change that it took back does not have to be known any more.
 */
const isUndo = (ours: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean =>
  (!isOfRollback(ours) && ours.fields.some((field) => !isOfAnyAction(field)))
  || others.some(
    (other) =>
      other.by.kind !== "kubernaut"
      && other.id < ours.id
      && other.operation === "modified"
      && decisiveFields(other).every((field) => isTakenBackBy(field, ours))
  )

const reverts = (change: ObjectChange, ours: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean => {
  if (change.operation === "created") return ours.operation === "deleted"
  if (change.operation === "deleted") return ours.operation === "created"
  if (ours.operation !== "modified") return false
  const isOnlyThat = breakingFields(change).every((field) => ours.fields.some((each) => isBack(field, each)))
  return isOnlyThat || (decisiveFields(ours).every((field) => isTakenBackBy(field, change)) && isUndo(ours, others))
}

/** The latest write of Kubernaut that a change has reverted. `others` are the changes of the same object. */
export const revertedBy = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): ObjectChange | undefined =>
  change.by.kind === "kubernaut"
    ? undefined
    : others
        .filter((other) => other.by.kind === "kubernaut" && other.id < change.id && reverts(change, other, others))
        .toSorted((left, right) => (left.id < right.id ? 1 : -1))[0]

/** Why only a person can tell whether to undo it, for people; `undefined` if it reverts no write of Kubernaut. */
export const madeAgain = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): string | undefined => {
  const ours = revertedBy(change, others)
  return ours === undefined
    ? undefined
    : `It reverts what Kubernaut wrote at ${ours.at}: somebody may have decided against that, so it is not overruled again.`
}
