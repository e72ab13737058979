/**
 * The undo of a creation and of a removal, by `RestoreObject`.
 *
 * What the action has created is removed only if it is still ours and nobody has touched it: it has the uid that the
 * outcome of the execution names, bears our signature, and has the spec that the action left. A person's request does
 * not lift this, because what somebody else has added to it would be lost.
 *
 * What the action has removed is created again from its manifest, unless something of that name exists.
 */

import type { Schema } from "effect"
import type { Change } from "../domain/Change.ts"
import type { ExecutionOutcome, Intent } from "../domain/Execution.ts"
import { displayName, type ResourceRef, sameRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { executionAnnotation, removal, type Signature, signatureOf } from "./ObjectPatch.ts"
import { changedBy, foreignOf, refuse, type RollbackRefusal } from "./RollbackForeign.ts"

interface Input {
  readonly intent: Intent
  readonly created?: ExecutionOutcome["created"] | undefined
  readonly signature: Signature
}

/** The removal of what the action has created; `undefined` if it is gone. */
export const removeCreated = (
  { created = [], intent }: Input,
  ref: ResourceRef,
  object: KubernetesObject | undefined
): Change | RollbackRefusal | undefined => {
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined
  const name = displayName(ref)
  const uid = created.find((each) => sameRef(each.ref, ref))?.uid
  const isSigned = object.metadata.annotations?.[executionAnnotation] === intent.executionId
  if ((uid !== undefined && uid !== object.metadata.uid) || !isSigned)
    return refuse("replaced", `${name} is not the one that the action has created.`)
  const left = intent.leaves?.find((each) => sameRef(each.ref, ref))
  const foreign = foreignOf(left, ref, object, false)
  switch (foreign._tag) {
    case "None":
      return removal(object)
    case "Fields":
      return changedBy("changed-by-another", ref, object, foreign.fields)
    case "Again":
      return changedBy("changed-by-another", ref, object, ["spec"])
    case "NotKnown":
      return refuse("unknown-change", `It is not known whether somebody has changed ${name} after the action.`)
  }
}

/** The creation of what the action has removed; `undefined` if it was not removed. */
export const createAgain = (
  { intent, signature }: Input,
  back: Extract<Change, { readonly _tag: "Create" }>,
  object: KubernetesObject | undefined
): Change | RollbackRefusal | undefined => {
  const removed = intent.changes.find((change) => change._tag === "Delete" && sameRef(change.ref, back.ref))
  if (object !== undefined) {
    if (removed?._tag === "Delete" && removed.uid === object.metadata.uid)
      return object.metadata.deletionTimestamp === undefined
        ? undefined
        : refuse("gone", `${displayName(back.ref)} is still being deleted.`)
    return refuse("replaced", `Somebody has created ${displayName(back.ref)} again after the action.`)
  }
  const { metadata } = back.manifest as { readonly metadata?: { readonly annotations?: object } }
  const annotations = { ...metadata?.annotations, ...signatureOf(signature) }
  return {
    ...back,
    manifest: { ...back.manifest, metadata: { ...metadata, annotations } } as unknown as Schema.JsonObject
  }
}
