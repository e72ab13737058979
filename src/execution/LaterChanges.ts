/**
 * Why the other changes of its object keep a recorded change from being taken back. Pure.
 *
 * It may have been followed by another one of the same fields.
 *
 * The present values do not show that: somebody may have changed a field, and somebody else may have given it the same
 * value again. What was there before the first change is then nobody's state of before the incident, and putting it
 * back would overwrite the later ones. The same holds for an object that was created and deleted several times.
 *
 * Our own later changes do not count: an undo that was undone leaves the change as it was. A change that reverts an
 * earlier one of ours is somebody's answer to it (`changes/MadeAgain`).
 */

import { madeAgain } from "../changes/MadeAgain.ts"
import { replacementOf } from "../changes/Replacement.ts"
import { display } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import { fromMillis, type Timestamp, toMillis } from "../domain/Timestamp.ts"
import { type PlanRefusal, refuse } from "./Plan.ts"

const isAtOrBeneath = (path: string, above: string): boolean =>
  path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`)

const touchesSame = (change: ObjectChange, other: ObjectChange): boolean => {
  if (change.operation !== "modified" || other.operation !== "modified") return true
  const paths = change.fields.map(({ path }) => display(path))
  return other.fields.some(({ path }) => {
    const field = display(path)
    return paths.some((each) => isAtOrBeneath(field, each) || isAtOrBeneath(each, field))
  })
}

/** No more later changes of a namespace are read. */
export const mostLater = 5000

/** What others have changed about other objects than this one. */
export const ofOthers = (object: ResourceRef, changes: ReadonlyArray<ObjectChange>): ReadonlyArray<ObjectChange> =>
  changes.filter(({ by, ref }) => by.kind !== "kubernaut" && !sameRef(ref, object))

/** What others have changed about other objects since the change, newest first. */
export const laterOnes = (change: ObjectChange, changes: ReadonlyArray<ObjectChange>): ReadonlyArray<ObjectChange> =>
  ofOthers(change.ref, changes).filter(({ id }) => id > change.id)

/**
 * When the first object of the name of a change was created, as far as that is recorded: one that was deleted and
 * created again, as `kubectl replace --force` does, is as old as the one before. `others` are changes of that name.
 */
export const firstBornAt = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): Timestamp | undefined => {
  const known = [change, ...others].flatMap(({ at, id, manifest, operation, ref }) => {
    if (id > change.id || !sameRef(ref, change.ref)) return []
    if (operation === "created") return [toMillis(at)]
    const { creationTimestamp } = (manifest?.["metadata"] ?? {}) as { readonly creationTimestamp?: string }
    return creationTimestamp === undefined ? [] : [toMillis(creationTimestamp)]
  })
  return known.length === 0 ? undefined : fromMillis(Math.min(...known))
}

/** Why a change is not taken back; `undefined` if no later one is known. `others` are changes of the same object. */
export const overtakenBy = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): string | undefined => {
  // Ids sort in the order of recording.
  const later = others.find(
    (other) =>
      other.id > change.id
      && sameRef(other.ref, change.ref)
      && other.by.kind !== "kubernaut"
      && touchesSame(change, other)
  )
  return later === undefined
    ? undefined
    : `${displayName(change.ref)} was changed again after the change, by ${later.id} at ${later.at}. Take the latest change back first.`
}

/** Why the other changes of its object keep a change from being taken back; `undefined` if they do not. */
export const refusalBy = (change: ObjectChange, others: ReadonlyArray<ObjectChange>): PlanRefusal | undefined => {
  const overtaken = overtakenBy(change, others)
  if (overtaken !== undefined) return refuse("changed-since-change", overtaken)
  const again = madeAgain(change, others)
  if (again !== undefined) return refuse("made-again", `${displayName(change.ref)} is left as it is. ${again}`)
  return replacementOf(change, others) === undefined
    ? undefined
    : refuse(
        "not-restorable",
        `${displayName(change.ref)} replaced another one of its name, and its removal would not bring that back.`
      )
}
