/** Whether Kubernaut has taken a change back already. Pure. */

import { display } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"

const isWithin = (path: string, above: string): boolean =>
  path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)

const overlap = (one: ObjectChange, other: ObjectChange): boolean =>
  one.fields.some(({ path }) =>
    other.fields.some((field) => {
      const [left, right] = [display(path), display(field.path)]
      return isWithin(left, right) || isWithin(right, left)
    })
  )

/**
 * Whether a later write of Kubernaut has touched what a change has changed. If the change is in force all the same, the
 * write did not help and was taken back too. `others` are the changes of the same object.
 */
export const wasTakenBack = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean =>
  others.some(
    (other) =>
      other.by.kind === "kubernaut"
      && other.id > change.id
      && (other.operation !== "modified" || change.operation !== "modified" || overlap(change, other))
  )
