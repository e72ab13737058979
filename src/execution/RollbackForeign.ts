/** What somebody else has changed about an object since an action, and the refusal to undo the action then. */

import type { RollbackStop } from "../domain/Rollback.ts"
import type { SeenObject } from "../domain/Seen.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { otherWriterOf } from "../kubernetes/Managers.ts"
import { seenObject } from "../kubernetes/SpecDigest.ts"
import { changedFields } from "../kubernetes/SpecFields.ts"

/** A rollback that writes nothing, and why. */
export interface RollbackRefusal extends RollbackStop {
  readonly _tag: "RollbackRefusal"
}

export const refuse = (code: string, message: string, fields: ReadonlyArray<string> = []): RollbackRefusal => ({
  _tag: "RollbackRefusal",
  code,
  message,
  ...(fields.length === 0 ? {} : { fields })
})

export type Foreign =
  | { readonly _tag: "None" }
  | { readonly _tag: "Fields"; readonly fields: ReadonlyArray<string> }
  /** The spec is what the action left, but it was another one in between: somebody has put it back. */
  | { readonly _tag: "Again" }
  | { readonly _tag: "NotKnown" }

/** What somebody else has changed of the spec since the action. Another digest of the same generation is admission. */
export const foreignOf = (
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
  if (left.spec === now.spec) return { _tag: "None" }
  // An object without a digest says nothing. Where its fields are on record, what it says now is somebody else's.
  if (left.spec === null || now.spec === null) {
    const fields = left.fields === undefined ? [] : changedFields(left.fields, object, autoscaled)
    return fields.length === 0 ? { _tag: "None" } : { _tag: "Fields", fields }
  }
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

export const changedBy = (
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
