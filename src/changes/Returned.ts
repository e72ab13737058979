/**
 * Whether a change only puts back what was there before: somebody has corrected an earlier change. Pure.
 *
 * The earlier value held for three times as long as the one in between. Otherwise the value in between may be the right
 * one: a fault that is made again puts an earlier fault back, too. What Kubernaut has written is never corrected.
 */

import { differences, display } from "../domain/FieldPath.ts"
import type { FieldDifference } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { toMillis } from "../domain/Timestamp.ts"

const fieldIn = ({ fields }: ObjectChange, path: string): FieldDifference | undefined =>
  fields.find((field) => display(field.path) === path)

/** How many times longer the earlier value held. A correction follows soon, and what it restores has held for days. */
const timesLonger = 3

const isBack = ({ at, id }: ObjectChange, { after, path }: FieldDifference, others: ReadonlyArray<ObjectChange>) => {
  const name = display(path)
  const isOfField = (other: ObjectChange) => other.operation !== "modified" || fieldIn(other, name) !== undefined
  // The newest first.
  const earlier = others.filter((other) => other.id !== id && other.at <= at && other.id < id && isOfField(other))
  const [last, before] = earlier.toSorted((left, right) => (left.id < right.id ? 1 : -1))
  const changed = last === undefined ? undefined : fieldIn(last, name)
  if (last === undefined || last.by.kind === "kubernaut" || changed === undefined) return false
  if (differences(changed.before, after).length > 0) return false
  const heldMs = before === undefined ? Infinity : toMillis(last.at) - toMillis(before.at)
  return heldMs >= timesLonger * (toMillis(at) - toMillis(last.at))
}

/** Whether every field has the value again that it had for longer. `others` are the changes of the same object. */
export const putsBack = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean =>
  change.operation === "modified"
  && change.fields.length > 0
  && change.fields.every((field) => isBack(change, field, others))
