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
 * An object that the action has created is removed, and one that it has removed is created again: see
 * `RollbackOfObjects`.
 *
 * The patch names the resourceVersion of what was read, so the API server refuses it once somebody changes the object.
 *
 * | code                 | the rollback stops because                                                     |
 * | -------------------- | ------------------------------------------------------------------------------ |
 * | `nothing-to-undo`    | the action leaves nothing behind that could be taken back                      |
 * | `irreversible`       | the action cannot be undone                                                    |
 * | `gone`               | the object does not exist any more, or is being deleted                        |
 * | `replaced`           | another object has its name                                                    |
 * | `changed-by-another` | somebody has changed a field that the action wrote                             |
 * | `changed-around`     | somebody has changed another field of the spec; a person may lift this         |
 * | `autoscaled`         | an autoscaler controls the replicas since the action: see `RollbackAutoscaler` |
 * | `unknown-change`     | an earlier version planned the action; a person may lift this                  |
 * | `mode`               | the service runs in a mode that does not allow it                              |
 * | `unreadable`         | the cluster could not be read                                                  |
 * | any other            | the API server refused the dry run: a code of `execution/FailureClassifier`    |
 */

import { JsonPointer } from "effect"
import type { Change, Inverse, PatchOperation } from "../domain/Change.ts"
import type { ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { display, type FieldDifference, stepsIn, valueAt as valueNamed } from "../domain/FieldPath.ts"
import { type RollbackTrigger, withoutInverse } from "../domain/Rollback.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import { contains } from "../kubernetes/Contains.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { otherOwnerOf } from "../kubernetes/Managers.ts"
import { differingFields, sameValue } from "../kubernetes/SpecFields.ts"
import { editsOf } from "./actions/RestoredFields.ts"
import { type Edit, patch, type Path, set, type Signature, unset, valueAt } from "./ObjectPatch.ts"
import { changedBy, foreignOf, refuse, type RollbackRefusal } from "./RollbackForeign.ts"
import { createAgain, removeCreated } from "./RollbackOfObjects.ts"

type Patch = Extract<Change, { readonly _tag: "Patch" }>

/** What is needed to plan a rollback. */
export interface RollbackInput {
  /** The intent that is undone. */
  readonly intent: Intent
  readonly trigger: RollbackTrigger
  /** The objects that the execution has created, as its outcome says. Default: not known. */
  readonly created?: ExecutionOutcome["created"] | undefined
  /** The objects of `undoneBy`, in their order, as they are now. `undefined` for one that does not exist. */
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

/** One write of an inverse. The uid of an object that the action has created is known only from its outcome. */
export type Undone =
  | Patch
  | Extract<Change, { readonly _tag: "Create" }>
  | { readonly _tag: "RemoveCreated"; readonly ref: ResourceRef }

/** The writes of an inverse, in the order in which they are made: the latest change is undone first. */
export const undoneBy = (inverse: Inverse): ReadonlyArray<Undone> =>
  inverse._tag === "Exact" || inverse._tag === "Partial"
    ? [
        ...(inverse.removesCreated ?? []).map((ref) => ({ _tag: "RemoveCreated", ref }) as const),
        ...inverse.changes
          .filter(
            (change): change is Exclude<Undone, { readonly _tag: "RemoveCreated" }> =>
              change._tag === "Patch" || change._tag === "Create"
          )
          .toReversed()
      ]
    : []

// ----------------------------------------------------------------------------
// Fields
// ----------------------------------------------------------------------------

/** A field that the action wrote: what it had before, and what was written. */
interface Field {
  /** Its steps in the object as it is now. */
  readonly path: Path
  readonly before: unknown
  readonly written: unknown
  /** Present for a field that is found by its name. */
  readonly named?: FieldDifference
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
const fieldsOf = (intent: Intent, back: Patch, object: KubernetesObject): ReadonlyArray<Field> => {
  const restored = intent.fields?.find(({ ref }) => sameRef(ref, back.ref))
  if (restored !== undefined)
    return restored.fields.map((named) => ({
      path: stepsIn(object, named.path) ?? [],
      before: named.before,
      written: named.after,
      named
    }))
  const forward = intent.changes.flatMap((change) =>
    change._tag === "Patch" && sameRef(change.ref, back.ref) ? change.patch : []
  )
  const paths = [...new Set(back.patch.map(({ path }) => path))]
  return paths
    .filter((path) => !paths.some((other) => isBeneath(path, other)))
    .map((path) => ({ path: pathOf(path), before: leftAt(path, back.patch), written: leftAt(path, forward) }))
}

/** What a field has now. */
const valueOf = ({ named, path }: Field, object: KubernetesObject): unknown =>
  named === undefined ? valueAt(object, path) : valueNamed(object, named.path)

/** The edits that give fields what they had before. */
const editsFor = (object: KubernetesObject, fields: ReadonlyArray<Field>): ReadonlyArray<Edit> => {
  const named = fields.flatMap((field) => field.named ?? [])
  return named.length > 0
    ? (editsOf(object, named) ?? [])
    : fields.map(({ before, path }): Edit => (before === undefined ? unset(path) : set(path, before)))
}

/** A field for people: `spec.template.spec.containers[app].image`. */
const nameOf = (object: KubernetesObject, { named, path }: Field): string =>
  named === undefined ? pathName(object, path) : display(named.path)

const pathName = (object: KubernetesObject, path: Path): string =>
  path.reduce<string>((text, token, index) => {
    if (!Array.isArray(valueAt(object, path.slice(0, index)))) return text === "" ? String(token) : `${text}.${token}`
    const item = valueAt(object, path.slice(0, index + 1)) as { readonly name?: string } | undefined
    return `${text}[${item?.name ?? token}]`
  }, "")

/**
 * Whether the items of lists on the way to a field are the ones that were written: somebody may have put another
 * container before ours.
 */
const isInPlace = ({ action }: Intent, object: KubernetesObject, { path }: Field): boolean => {
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
  const { before, written } = field
  const now = valueOf(field, object)
  if (isOurs ? contains(now, written) : sameValue(now, written)) return isOthers(field, object) ? "other" : "written"
  return sameValue(now, before) ? "before" : "other"
}

// ----------------------------------------------------------------------------
// The plan
// ----------------------------------------------------------------------------

interface Done {
  readonly _tag: "Done"
  /** `undefined` if the object is already as before. */
  readonly change: Change | undefined
  readonly exact: boolean
}

const undoPatch = (input: RollbackInput, back: Patch, object: KubernetesObject | undefined): Done | RollbackRefusal => {
  const { intent, signature, trigger } = input
  const { baseline, leaves = [] } = intent
  const name = displayName(back.ref)
  if (object === undefined) return refuse("gone", `${name} does not exist any more, so there is nothing to put back.`)
  const left = leaves.find(({ ref }) => sameRef(ref, back.ref))
  const uid = left?.uid ?? (sameRef(baseline.ref, back.ref) ? baseline.uid : null)
  if (uid !== null && uid !== object.metadata.uid)
    return refuse("replaced", `${name} was deleted and created again after the action.`)
  if (object.metadata.deletionTimestamp !== undefined) return refuse("gone", `${name} is being deleted.`)
  const foreign = foreignOf(left, back.ref, object, baseline.autoscaler !== null)
  const isOurs = foreign._tag === "None" || foreign._tag === "Again"
  const fields = fieldsOf(intent, back, object).map((field) => ({
    ...field,
    status: isInPlace(intent, object, field) ? statusOf(field, object, isOurs) : ("other" as const)
  }))
  const others = fields.filter(({ status }) => status === "other")
  if (others.length > 0)
    return changedBy(
      "changed-by-another",
      back.ref,
      object,
      others.flatMap((field) => {
        const differing = differingFields(field.written, valueOf(field, object), nameOf(object, field))
        return differing.length === 0 ? [nameOf(object, field)] : differing
      })
    )
  const ours = fields.filter(({ status }) => status === "written")
  if (ours.length === 0) return { _tag: "Done", change: undefined, exact: isOurs }
  if (trigger !== "operator" && foreign._tag === "Fields")
    return changedBy("changed-around", back.ref, object, foreign.fields)
  if (trigger !== "operator" && foreign._tag === "Again")
    return refuse(
      "changed-around",
      `${name} was changed after the action and changed back, so what is there now may be meant by somebody else.`
    )
  if (trigger !== "operator" && foreign._tag === "NotKnown")
    return refuse("unknown-change", `It is not known whether somebody has changed ${name} after the action.`)
  const { change } = patch(object, editsFor(object, ours), signature)
  return { _tag: "Done", change, exact: isOurs && ours.length === fields.length }
}

const undoOne = (input: RollbackInput, back: Undone, object: KubernetesObject | undefined): Done | RollbackRefusal => {
  switch (back._tag) {
    case "Patch":
      return undoPatch(input, back, object)
    case "Create": {
      const change = createAgain(input, back, object)
      return change !== undefined && change._tag === "RollbackRefusal" ? change : { _tag: "Done", change, exact: false }
    }
    case "RemoveCreated": {
      const change = removeCreated(input, back.ref, object)
      return change !== undefined && change._tag === "RollbackRefusal" ? change : { _tag: "Done", change, exact: true }
    }
  }
}

/** The writes that undo an execution, or why there are none. */
export const planRollback = (input: RollbackInput): RollbackPlan | RollbackRefusal => {
  const { intent, objects } = input
  const { inverse } = intent
  const objection = withoutInverse(intent)
  if (objection !== undefined) return refuse(objection.code, objection.message)
  const changes: Array<Change> = []
  let exact = inverse._tag === "Exact"
  for (const [index, back] of undoneBy(inverse).entries()) {
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
export const notRestored = (intent: Intent, back: Patch, object: KubernetesObject): ReadonlyArray<string> =>
  fieldsOf(intent, back, object).flatMap((field) =>
    sameValue(valueOf(field, object), field.before) ? [] : [nameOf(object, field)]
  )
