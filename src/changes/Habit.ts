/**
 * Whether a change recurs: the same writer has made it several times before. Pure.
 *
 * Many programs write under the names of people: a CronJob that runs kubectl scales to zero every evening, and scales
 * up again every morning. It would make its change again. A person seldom gives a field the same value for the third
 * time, or creates or deletes an object with the same content.
 *
 * The content is what somebody wrote. A Service gets other node ports each time that it is created, and an object that
 * is deleted has what controllers have written in the meantime: its replicas, and notes of theirs.
 */

import { differences, display } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { fieldsOf, listOf } from "./ObjectFields.ts"
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

type Fields = Readonly<Record<string, unknown>>

const without = (value: unknown, names: ReadonlyArray<string>): Fields =>
  Object.fromEntries(Object.entries(fieldsOf(value)).filter(([name]) => !names.includes(name)))

/** The content of an object without what the cluster assigned at its creation. */
const asCreated = ({ manifest, ref }: ObjectChange): Fields => {
  if (ref.kind !== "Service") return fieldsOf(manifest)
  const ports = listOf(manifest, "spec", "ports").map((port) => without(port, ["nodePort"]))
  return { ...manifest, spec: { ...without(manifest?.["spec"], ["ports"]), ...(ports.length === 0 ? {} : { ports }) } }
}

/** The content of an object without what controllers write in the course of its life. */
const asDeleted = (change: ObjectChange): Fields => {
  const content = asCreated(change)
  const { template, ...spec } = without(content["spec"], ["replicas"])
  const ofPods = { ...fieldsOf(template), metadata: without(fieldsOf(template)["metadata"], ["annotations"]) }
  return {
    ...content,
    metadata: without(content["metadata"], ["annotations", "labels"]),
    spec: { ...spec, ...(template === undefined ? {} : { template: ofPods }) }
  }
}

/** The change with the content of its object that says whether it is the same as another one. */
const withContent = (change: ObjectChange): ObjectChange => {
  if (change.manifest === undefined) return change
  const content = change.operation === "deleted" ? asDeleted(change) : asCreated(change)
  return { ...change, manifest: content as NonNullable<ObjectChange["manifest"]> }
}

const isSame = (change: ObjectChange, other: ObjectChange, others: ReadonlyArray<ObjectChange>): boolean => {
  if (other.id >= change.id || other.operation !== change.operation || !isSameWriter(change, other)) return false
  if (change.operation !== "modified")
    return manifestDifferences(withContent(other), withContent(change))?.length === 0 && !isReplaced(other, others)
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
