/**
 * Whether a change recurs: the same writer has made it several times before. Pure.
 *
 * Many programs write under the names of people: a CronJob that runs kubectl scales to zero every evening, and scales
 * up again every morning. It would make its change again. A person seldom gives a field the same value for the third
 * time.
 */

import { differences, display } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"

/** So many times before. Once may be a mistake that was corrected and made again. */
const leastTimes = 2

const isSame = (change: ObjectChange, other: ObjectChange): boolean =>
  other.id < change.id
  && other.operation === change.operation
  && other.by.kind === change.by.kind
  && other.by.name === change.by.name
  && change.fields.every(({ after, path }) =>
    other.fields.some((each) => display(each.path) === display(path) && differences(each.after, after).length === 0)
  )

/** Why it may be a habit, for people; `undefined` if it is not. `others` are the changes of the same object. */
export const recurs = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): string | undefined => {
  // The values of a Secret are not recorded. Runs of a Job have one name.
  if (change.ref.kind === "Secret" || change.ref.kind === "Job") return undefined
  const times = others.filter((other) => isSame(change, other)).length
  return times < leastTimes
    ? undefined
    : `${change.by.name ?? "Somebody"} has made the same change ${times} times before, so a program may make it regularly.`
}
