/**
 * Whether somebody has reverted a write of Kubernaut: has made a change again that it took back, for example. Pure.
 *
 * Somebody who does so has decided against the undo, and has seen it. To undo it once more would be a war with them, at
 * night and on their own incident. It may be a mistake that was made twice all the same. Only a person can tell.
 *
 * A new value, such as the next release after one that was rolled back, reverts nothing.
 */

import { differences, display, type FieldDifference, type FieldPath, valueAt } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"

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

const reverts = (change: ObjectChange, ours: ObjectChange): boolean => {
  if (change.operation === "created") return ours.operation === "deleted"
  if (change.operation === "deleted") return ours.operation === "created"
  return ours.operation === "modified" && change.fields.some((field) => ours.fields.some((each) => isBack(field, each)))
}

/** The latest write of Kubernaut that a change has reverted. `others` are the changes of the same object. */
export const revertedBy = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): ObjectChange | undefined =>
  change.by.kind === "kubernaut"
    ? undefined
    : others
        .filter((other) => other.by.kind === "kubernaut" && other.id < change.id && reverts(change, other))
        .toSorted((left, right) => (left.id < right.id ? 1 : -1))[0]

/** Why only a person can tell whether to undo it, for people; `undefined` if it reverts no write of Kubernaut. */
export const madeAgain = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): string | undefined => {
  const ours = revertedBy(change, others)
  return ours === undefined
    ? undefined
    : `It reverts what Kubernaut wrote at ${ours.at}: somebody may have decided against that, so it is not overruled again.`
}
