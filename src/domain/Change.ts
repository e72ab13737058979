/**
 * One write to the cluster, as data: it is journaled before it is sent, and its inverse is data of the same kind.
 *
 * Patches are JSON Patch (RFC 6902) with `add`, `remove` and `replace`. A patch that replaces
 * `/metadata/resourceVersion` with the version it was planned on is refused by the API server with 409 if the object
 * has changed since.
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"

export const PatchOperation = Schema.Union([
  Schema.Struct({ op: Schema.Literals(["add", "replace"]), path: Schema.String, value: Schema.Json }),
  Schema.Struct({ op: Schema.Literal("remove"), path: Schema.String })
])
export type PatchOperation = typeof PatchOperation.Type

export const Change = Schema.Union([
  Schema.TaggedStruct("Patch", { ref: ResourceRef, patch: Schema.Array(PatchOperation) }),
  /** Through the pods/eviction subresource. `uid` is a precondition: another pod of the same name is left alone. */
  Schema.TaggedStruct("Evict", { ref: ResourceRef, uid: Schema.NonEmptyString }),
  Schema.TaggedStruct("Delete", { ref: ResourceRef, uid: Schema.NonEmptyString }),
  Schema.TaggedStruct("Create", { ref: ResourceRef, manifest: Schema.JsonObject })
])
export type Change = typeof Change.Type

/** How an action is undone, decided before it is carried out. */
export const Inverse = Schema.Union([
  /** The changes put back exactly what was there. */
  Schema.TaggedStruct("Exact", { changes: Schema.Array(Change) }),
  /** The changes put back the declared part; `remains` says what does not come back. */
  Schema.TaggedStruct("Partial", { changes: Schema.Array(Change), remains: Schema.NonEmptyString }),
  /** Nothing to put back: what the action replaced is made anew by its owner (an evicted pod, a restart). */
  Schema.TaggedStruct("NotNeeded", { reason: Schema.NonEmptyString }),
  Schema.TaggedStruct("Irreversible", { reason: Schema.NonEmptyString })
])
export type Inverse = typeof Inverse.Type
