/**
 * Whether a change recurs: the same writer has made it several times before. Pure.
 *
 * Many programs write under the names of people: a CronJob that runs kubectl scales to zero every evening, and scales
 * up again every morning. It would make its change again. A person seldom gives a field the same value for the third
 * time, or creates or deletes an object with the same content.
 */

import { differences, display } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { manifestDifferences, replacementOf } from "./Replacement.ts"

/** So many times before. Once may be a mistake that was corrected and made again. */
const leastTimes = 2

/**
 * Whether a writer is known to be the same. Nobody is ever named for a deletion: that the same object was deleted
 * several times, and stayed away, says enough.
 */
const isSameWriter = ({ by, operation }: ObjectChange, other: ObjectChange): boolean =>
  by.kind === other.by.kind && by.name === other.by.name && (by.name !== undefined || operation === "deleted")

/** Whether somebody has created the object again at once, as `kubectl replace --force` does. */
const isReplaced = (deletion: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean =>
  others.some(
    (each) => each.id > deletion.id && each.by.kind !== "kubernaut" && replacementOf(each, [deletion]) !== undefined
  )

const isSame = (change: ObjectChange, other: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean => {
  if (other.id >= change.id || other.operation !== change.operation || !isSameWriter(change, other)) return false
  if (change.operation !== "modified")
    return manifestDifferences(other, change)?.length === 0 && !isReplaced(other, others)
  return change.fields.every(({ after, path }) =>
    other.fields.some((each) => display(each.path) === display(path) && differences(each.after, after).length === 0)
  )
}

/** Why it may be a habit, for people; `undefined` if it is not. `others` are the changes of the same object. */
export const recurs = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): string | undefined => {
  // The values of a Secret are not recorded. Runs of a Job have one name.
  if (change.ref.kind === "Secret" || change.ref.kind === "Job") return undefined
  const times = others.filter((other) => isSame(change, other, others)).length
  return times < leastTimes
    ? undefined
    : `${change.by.name ?? "Somebody"} has made the same change ${times} times before, so a program may make it regularly.`
}
