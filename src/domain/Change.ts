/**
 * A write to the cluster as data. It is journaled before it is sent, and its inverse has the same form.
 *
 * Patches are JSON Patches (RFC 6902) that use `add`, `remove` and `replace`. A planned patch replaces
 * `/metadata/resourceVersion` with the version that it was planned against, so the API server responds with 409 when
 * the object has changed since.
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"

/** One operation of a JSON Patch (RFC 6902). */
export const PatchOperation = Schema.Union([
  Schema.Struct({ op: Schema.Literals(["add", "replace"]), path: Schema.String, value: Schema.Json }),
  Schema.Struct({ op: Schema.Literal("remove"), path: Schema.String })
])
export type PatchOperation = typeof PatchOperation.Type

/**
 * One write to the cluster: a patch, an eviction, a deletion or a creation.
 *
 * ```ts
 * import type { Change } from "kubernaut"
 *
 * const change: Change.Change = {
 *   _tag: "Patch",
 *   ref: { namespace: "shop", kind: "Deployment", name: "checkout" },
 *   patch: [{ op: "replace", path: "/spec/replicas", value: 3 }]
 * }
 * change._tag // => "Patch"
 * ```
 */
export const Change = Schema.Union([
  Schema.TaggedStruct("Patch", { ref: ResourceRef, patch: Schema.Array(PatchOperation) }),
  /** Uses the `pods/eviction` subresource. The precondition `uid` protects a new pod with the same name. */
  Schema.TaggedStruct("Evict", {
    ref: ResourceRef,
    uid: Schema.NonEmptyString,
    /** The version of the pod that the eviction was planned on. Absent: an earlier version planned it. */
    resourceVersion: Schema.optionalKey(Schema.NonEmptyString)
  }),
  Schema.TaggedStruct("Delete", {
    ref: ResourceRef,
    uid: Schema.NonEmptyString,
    /** A digest of the spec that is removed: nobody's later edit goes with it. Absent: whatever it is by then. */
    spec: Schema.optionalKey(Schema.NonEmptyString)
  }),
  Schema.TaggedStruct("Create", { ref: ResourceRef, manifest: Schema.JsonObject })
])
export type Change = typeof Change.Type

/**
 * The objects that an action creates, which its undo deletes. Their uids are known only after the write: the outcome of
 * the execution has them.
 */
const removesCreated = Schema.optionalKey(Schema.Array(ResourceRef))

/** How an action can be undone. It is determined and journaled before the action runs. */
export const Inverse = Schema.Union([
  /** The changes restore the previous state exactly. */
  Schema.TaggedStruct("Exact", { changes: Schema.Array(Change), removesCreated }),
  /** The changes restore the declared state. `remains` describes the rest, which cannot be restored. */
  Schema.TaggedStruct("Partial", { changes: Schema.Array(Change), removesCreated, remains: Schema.NonEmptyString }),
  /** There is nothing to restore: the owner replaces the affected pods, for example after an eviction. */
  Schema.TaggedStruct("NotNeeded", { reason: Schema.NonEmptyString }),
  /** The action cannot be undone. */
  Schema.TaggedStruct("Irreversible", { reason: Schema.NonEmptyString })
])
export type Inverse = typeof Inverse.Type
