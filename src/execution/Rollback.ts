/**
 * Plans the undo of an execution, as a pure function of its intent and of the objects as they are now.
 *
 * Only what read-back shows to be applied is undone, in the reverse order. Each field that the action wrote is in one
 * of three states:
 *
 * | the field has         | then                                                            |
 * | --------------------- | --------------------------------------------------------------- |
 * | what was written      | it is put back, unless somebody else has written the same since |
 * | what was there before | nothing is to do: it was not applied, or somebody has undone it |
 * | anything else         | somebody else has changed it, so the rollback stops             |
 *
 * Where somebody else has changed another field of the same spec, a rollback that nobody asked for stops, because what
 * the action did may have become a part of their change. The request of a person is carried out: it puts back our own
 * fields only.
 *
 * The patch names the resourceVersion of what was read, so the API server refuses it once somebody changes the object.
 *
 * | code                 | the rollback stops because                                                  |
 * | -------------------- | --------------------------------------------------------------------------- |
 * | `nothing-to-undo`    | the action leaves nothing behind that could be taken back                   |
 * | `irreversible`       | the action cannot be undone                                                 |
 * | `gone`               | the object does not exist any more, or is being deleted                     |
 * | `replaced`           | another object has its name                                                 |
 * | `changed-by-another` | somebody has changed a field that the action wrote                          |
 * | `changed-around`     | somebody has changed another field of the spec; a person may lift this      |
 * | `unknown-change`     | an earlier version planned the action; a person may lift this               |
 * | `mode`               | the service runs in a mode that does not allow it                           |
 * | `unreadable`         | the cluster could not be read                                               |
 * | any other            | the API server refused the dry run: a code of `execution/FailureClassifier` |
 */

import { JsonPointer } from "effect"
import type { Change, Inverse, PatchOperation } from "../domain/Change.ts"
import type { Intent } from "../domain/Execution.ts"
import { type RollbackStop, type RollbackTrigger, withoutInverse } from "../domain/Rollback.ts"
import type { SeenObject } from "../domain/Seen.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import { contains } from "../kubernetes/Contains.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { otherOwnerOf, otherWriterOf } from "../kubernetes/Managers.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import { changedFields, differingFields, sameValue } from "../kubernetes/SpecFields.ts"
import { type Edit, patch, type Path, set, type Signature, unset, valueAt } from "./ObjectPatch.ts"

type Patch = Extract<Change, { readonly _tag: "Patch" }>

/** What is needed to plan a rollback. */
export interface RollbackInput {
  /** The intent that is undone. */
  readonly intent: Intent
  readonly trigger: RollbackTrigger
  /** The objects of `undonePatches`, in their order, as they are now. `undefined` for one that does not exist. */
  readonly objects: ReadonlyArray<KubernetesObject | undefined>
  readonly signature: Signature
}

export interface RollbackPlan {
  readonly _tag: "RollbackPlan"
  /** Empty if somebody has undone the action already. */
  readonly changes: ReadonlyArray<Change>
  /** Whether the target has the spec of the baseline afterwards. */
  readonly exact: boolean
  /** What is not restored. Absent: nothing remains. */
  readonly remains?: string
}

/** A rollback that writes nothing, and why. */
export interface RollbackRefusal extends RollbackStop {
  readonly _tag: "RollbackRefusal"
}

const refuse = (code: string, message: string, fields: ReadonlyArray<string> = []): RollbackRefusal => ({
  _tag: "RollbackRefusal",
  code,
  message,
  ...(fields.length === 0 ? {} : { fields })
})

/** The patches of an inverse, in the order in which they are made: the latest change is undone first. */
export const undonePatches = (inverse: Inverse): ReadonlyArray<Patch> =>
  inverse._tag === "Exact" || inverse._tag === "Partial"
    ? inverse.changes.filter((change): change is Patch => change._tag === "Patch").toReversed()
    : []

// ----------------------------------------------------------------------------
// Fields
// ----------------------------------------------------------------------------

/** A field that the action wrote: what it had before, and what was written. */
interface Field {
  readonly path: Path
  readonly before: unknown
  readonly written: unknown
}

const pathOf = (text: string): Path =>
  text
    .split("/")
    .slice(1)
    .map((token) => JsonPointer.unescapeToken(token))

const isBeneath = (path: string, above: string): boolean => path.startsWith(`${above}/`)

/** What a list of operations leaves at a path. `undefined`: nothing. */
const leftAt = (path: string, operations: ReadonlyArray<PatchOperation>): unknown => {
  let value: unknown
  for (const operation of operations) {
    const left = operation.op === "remove" ? undefined : operation.value
    if (operation.path === path) value = left
    else if (isBeneath(operation.path, path)) value = withValue(value, pathOf(operation.path.slice(path.length)), left)
  }
  return value
}

const withValue = (value: unknown, [key, ...rest]: Path, leaf: unknown): unknown => {
  if (key === undefined) return leaf
  const { [key]: old, ...others } = { ...(value as Readonly<Record<string | number, unknown>> | undefined) }
  const next = withValue(old, rest, leaf)
  return next === undefined ? others : { ...others, [key]: next }
}

/** The fields of one object that an inverse puts back, the outermost of each. */
const fieldsOf = (back: Patch, forward: ReadonlyArray<PatchOperation>): ReadonlyArray<Field> => {
  const paths = [...new Set(back.patch.map(({ path }) => path))]
  return paths
    .filter((path) => !paths.some((other) => isBeneath(path, other)))
    .map((path) => ({ path: pathOf(path), before: leftAt(path, back.patch), written: leftAt(path, forward) }))
}

/** A path for people: `spec.template.spec.containers[app].image`. */
const nameOf = (object: KubernetesObject, path: Path): string =>
  path.reduce<string>((text, token, index) => {
    if (!Array.isArray(valueAt(object, path.slice(0, index)))) return text === "" ? String(token) : `${text}.${token}`
    const item = valueAt(object, path.slice(0, index + 1)) as { readonly name?: string } | undefined
    return `${text}[${item?.name ?? token}]`
  }, "")

/**
 * Whether the items of lists on the way to a field are the ones that were written: somebody may have put another
 * container before ours.
 */
const isInPlace = ({ action }: Intent, object: KubernetesObject, path: Path): boolean => {
  if (action.type !== "AdjustResources") return true
  const at = path.indexOf("containers")
  return (
    at < 0
    || (valueAt(object, path.slice(0, at + 2)) as { readonly name?: string } | undefined)?.name === action.container
  )
}

type Status = "written" | "before" | "other"

/** Whether a value has no parts that the action left as they were. */
const isWhollyWritten = ({ before, written }: Field): boolean =>
  before === undefined || typeof written !== "object" || written === null

/** Whether somebody else has written the value that the action wrote, so that it is theirs now. */
const isOthers = (field: Field, object: KubernetesObject): boolean =>
  isWhollyWritten(field) && otherOwnerOf(object, field.path) !== undefined

/** `isOurs`: nobody else has changed the spec, so whatever was added to what was written, admission added. */
const statusOf = (field: Field, object: KubernetesObject, isOurs: boolean): Status => {
  const { before, path, written } = field
  const now = valueAt(object, path)
  if (isOurs ? contains(now, written) : sameValue(now, written)) return isOthers(field, object) ? "other" : "written"
  return sameValue(now, before) ? "before" : "other"
}

// ----------------------------------------------------------------------------
// What somebody else has changed
// ----------------------------------------------------------------------------

type Foreign =
  | { readonly _tag: "None" }
  | { readonly _tag: "Fields"; readonly fields: ReadonlyArray<string> }
  /** The spec is what the action left, but it was another one in between: somebody has put it back. */
  | { readonly _tag: "Again" }
  | { readonly _tag: "NotKnown" }

/** What somebody else has changed of the spec since the action. Another digest of the same generation is admission. */
const foreignOf = (
  left: SeenObject | undefined,
  ref: ResourceRef,
  object: KubernetesObject,
  autoscaled: boolean
): Foreign => {
  if (left === undefined) return { _tag: "NotKnown" }
  const now = seenObject(ref, object, autoscaled)
  const isLater = left.generation !== null && now.generation !== null && now.generation > left.generation
  // An autoscaler raises the generation too.
  if (left.spec !== null && left.spec === now.spec && isLater && !autoscaled) return { _tag: "Again" }
  if (left.spec === null || now.spec === null || left.spec === now.spec) return { _tag: "None" }
  if (left.generation !== null && now.generation !== null && now.generation <= left.generation) return { _tag: "None" }
  return {
    _tag: "Fields",
    fields: left.fields === undefined ? ["spec"] : changedFields(left.fields, object, autoscaled)
  }
}

const mostFields = 10

const listed = (fields: ReadonlyArray<string>): string =>
  fields.length > mostFields
    ? `${fields.slice(0, mostFields).join(", ")} and ${fields.length - mostFields} more`
    : fields.join(", ")

const changedBy = (
  code: "changed-by-another" | "changed-around",
  ref: ResourceRef,
  object: KubernetesObject,
  fields: ReadonlyArray<string>
): RollbackRefusal => {
  const writer = otherWriterOf(object)
  return refuse(
    code,
    `${displayName(ref)} was changed${writer === undefined ? "" : ` by ${writer}`} after the action: ${listed(fields)}.`,
    fields
  )
}

// ----------------------------------------------------------------------------
// The plan
// ----------------------------------------------------------------------------

interface Undone {
  readonly _tag: "Undone"
  /** `undefined` if the object is already as before. */
  readonly change: Change | undefined
  readonly exact: boolean
}

const undoOne = (input: RollbackInput, back: Patch, object: KubernetesObject | undefined): Undone | RollbackRefusal => {
  const { intent, signature, trigger } = input
  const { baseline, changes, leaves = [] } = intent
  const name = displayName(back.ref)
  if (object === undefined) return refuse("gone", `${name} does not exist any more, so there is nothing to put back.`)
  const left = leaves.find(({ ref }) => sameRef(ref, back.ref))
  const uid = left?.uid ?? (sameRef(baseline.ref, back.ref) ? baseline.uid : null)
  if (uid !== null && uid !== object.metadata.uid)
    return refuse("replaced", `${name} was deleted and created again after the action.`)
  if (object.metadata.deletionTimestamp !== undefined) return refuse("gone", `${name} is being deleted.`)
  const forward = changes.flatMap((change) =>
    change._tag === "Patch" && sameRef(change.ref, back.ref) ? change.patch : []
  )
  const foreign = foreignOf(left, back.ref, object, baseline.autoscaler !== null)
  const isOurs = foreign._tag === "None" || foreign._tag === "Again"
  const fields = fieldsOf(back, forward).map((field) => ({
    ...field,
    status: isInPlace(intent, object, field.path) ? statusOf(field, object, isOurs) : ("other" as const)
  }))
  const others = fields.filter(({ status }) => status === "other")
  if (others.length > 0)
    return changedBy(
      "changed-by-another",
      back.ref,
      object,
      others.flatMap(({ path, written }) => {
        const differing = differingFields(written, valueAt(object, path), nameOf(object, path))
        return differing.length === 0 ? [nameOf(object, path)] : differing
      })
    )
  const ours = fields.filter(({ status }) => status === "written")
  if (ours.length === 0) return { _tag: "Undone", change: undefined, exact: isOurs }
  if (trigger !== "operator" && foreign._tag === "Fields")
    return changedBy("changed-around", back.ref, object, foreign.fields)
  if (trigger !== "operator" && foreign._tag === "Again")
    return refuse(
      "changed-around",
      `${name} was changed after the action and changed back, so what is there now may be meant by somebody else.`
    )
  if (trigger !== "operator" && foreign._tag === "NotKnown")
    return refuse("unknown-change", `It is not known whether somebody has changed ${name} after the action.`)
  const edits = ours.map(({ before, path }): Edit => (before === undefined ? unset(path) : set(path, before)))
  const { change } = patch(object, edits, signature)
  return { _tag: "Undone", change, exact: isOurs && ours.length === fields.length }
}

/** The writes that undo an execution, or why there are none. */
export const planRollback = (input: RollbackInput): RollbackPlan | RollbackRefusal => {
  const { intent, objects } = input
  const { inverse } = intent
  const objection = withoutInverse(intent)
  if (objection !== undefined) return refuse(objection.code, objection.message)
  const changes: Array<Change> = []
  let exact = inverse._tag === "Exact"
  for (const [index, back] of undonePatches(inverse).entries()) {
    const undone = undoOne(input, back, objects[index])
    if (undone._tag === "RollbackRefusal") return undone
    if (undone.change !== undefined) changes.push(undone.change)
    exact &&= undone.exact
  }
  return {
    _tag: "RollbackPlan",
    changes,
    exact,
    ...(inverse._tag === "Partial" ? { remains: inverse.remains } : {})
  }
}

/** The fields of one object that are not as they were before the action, for people. */
export const notRestored = (intent: Intent, back: Patch, object: KubernetesObject): ReadonlyArray<string> => {
  const forward = intent.changes.flatMap((change) =>
    change._tag === "Patch" && sameRef(change.ref, back.ref) ? change.patch : []
  )
  return fieldsOf(back, forward).flatMap(({ before, path }) =>
    sameValue(valueAt(object, path), before) ? [] : [nameOf(object, path)]
  )
}
