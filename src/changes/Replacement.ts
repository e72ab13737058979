/**
 * Objects that replaced another one of the same name: deleted and created again, as `kubectl replace --force` does.
 * Pure.
 *
 * Such an object is not new: what differs between both is what somebody has changed. Its removal does not bring the
 * earlier one back.
 */

import { differences, type FieldDifference } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { toMillis } from "../domain/Timestamp.ts"

/** An object that is created later than this after the deletion of another one is new: nothing was there in between. */
const withinMs = 30_000

const meantOf = (manifest: ObjectChange["manifest"]): unknown => {
  const {
    creationTimestamp: _created,
    managedFields: _,
    ownerReferences: _owners,
    ...metadata
  } = (manifest?.["metadata"] ?? {}) as Readonly<Record<string, unknown>>
  return { ...manifest, metadata }
}

/** In what two recorded objects differ, other than by who wrote and owns them; `undefined` if one is not recorded. */
export const manifestDifferences = (
  { manifest: before }: ObjectChange,
  { manifest: after }: ObjectChange
): ReadonlyArray<FieldDifference> | undefined =>
  before === undefined || after === undefined ? undefined : differences(meantOf(before), meantOf(after))

/**
 * The fields in which a created object differs from the one that it replaced; `undefined` if it replaced none. `others`
 * are the changes of objects of its name. Of a Secret only its keys are known, which say nothing about its values.
 */
export const replacementOf = (
  change: ObjectChange,
  others: ReadonlyArray<ObjectChange>
): ReadonlyArray<FieldDifference> | undefined => {
  // Each run of a Job is another object of its name.
  if (change.operation !== "created" || change.ref.kind === "Job") return undefined
  // Ids sort in the order of recording. The API server dates a creation in whole seconds.
  const [before] = others.filter(({ id }) => id < change.id).toSorted((left, right) => (left.id < right.id ? 1 : -1))
  // What we have removed was no state that anybody wants back.
  if (before?.operation !== "deleted" || before.by.kind === "kubernaut") return undefined
  if (toMillis(change.at) - toMillis(before.at) > withinMs) return undefined
  return manifestDifferences(before, change) ?? [{ path: ["data"] }]
}
