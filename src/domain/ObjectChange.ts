/**
 * What changed in the cluster: one change of one object, as the change journal records it, and the intervals in which
 * nobody watched.
 *
 * A record holds what a person wrote, not what a controller reports: no status, no leases, no bookkeeping of the API
 * server (`changes/Noise`). The values of a Secret are never part of it.
 */

import { Schema } from "effect"
import { FieldDifference } from "./FieldPath.ts"
import { ResourceRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"

/** The id of a recorded change: `chg-` and a ULID. Ids sort in the order of recording. */
export const ChangeId = Schema.NonEmptyString.check(
  Schema.isPattern(/^chg-[0-9A-HJKMNP-TV-Z]{26}$/, { message: "Expected the id of a recorded change: chg- and a ULID" })
)
export type ChangeId = typeof ChangeId.Type

/**
 * What kind of party made a change, by the name under which it writes fields.
 *
 * | kind         | examples                                                          |
 * | ------------ | ----------------------------------------------------------------- |
 * | `kubernaut`  | this service                                                      |
 * | `gitops`     | Argo CD, Flux, Fleet: it puts back what somebody else changes     |
 * | `controller` | a controller of Kubernetes or an operator                         |
 * | `person`     | kubectl, a console, Helm, a pipeline: nobody puts the change back |
 * | `unknown`    | the API server names nobody, or a library that all sorts use      |
 */
export const WriterKind = Schema.Literals(["kubernaut", "gitops", "controller", "person", "unknown"])
export type WriterKind = typeof WriterKind.Type

/** Who made a change. */
export const Writer = Schema.Struct({
  kind: WriterKind,
  /** The field manager, such as `kubectl-edit`; absent where the API server names nobody. */
  name: Schema.optionalKey(Schema.String),
  /** The user, where an audit annotation of the object names one. */
  user: Schema.optionalKey(Schema.String)
})
export type Writer = typeof Writer.Type

/** One recorded change of one object. */
export const ObjectChange = Schema.Struct({
  id: ChangeId,
  ref: ResourceRef,
  uid: Schema.NonEmptyString,
  operation: Schema.Literals(["created", "modified", "deleted"]),
  /** The fields that differ. Empty for an object that was created or deleted. */
  fields: Schema.Array(FieldDifference),
  /**
   * The object that was created or deleted, without its status and without what the cluster assigned. Absent for a
   * Secret, and for one that was modified.
   */
  manifest: Schema.optionalKey(Schema.JsonObject),
  /** When it happened: as the API server says where it does (whole seconds), and otherwise when it was seen. */
  at: Timestamp,
  /** When the watch, or the list after a gap, showed it. */
  seenAt: Timestamp,
  /**
   * When it happened by the clock of the API server, where that is later than it was seen: then a clock is wrong. For a
   * change that the API server does not date: at the latest.
   */
  statedAt: Schema.optionalKey(Timestamp),
  /** Present for a change in a gap: it happened between this time and `seenAt`. */
  notBefore: Schema.optionalKey(Timestamp),
  by: Writer,
  /** The execution of Kubernaut that wrote it, where the object names it. */
  execution: Schema.optionalKey(Schema.String),
  /** The version of the object after the change. For a deletion, its last one. */
  resourceVersion: Schema.String
})
export type ObjectChange = typeof ObjectChange.Type

/**
 * An interval in which changes of one kind were not watched. The list after it shows what is different then, but not
 * what happened in between, when and how often.
 */
export const WatchGap = Schema.Struct({
  kind: Schema.NonEmptyString,
  /** The only object whose changes are unknown. Absent: all of the kind. */
  object: Schema.optionalKey(ResourceRef),
  /** `null`: nothing was ever seen before. */
  from: Schema.NullOr(Timestamp),
  /** `null`: it has not ended. */
  to: Schema.NullOr(Timestamp),
  /**
   * `not-started`: before the first list. `stopped`: the service did not run. `expired`: the API server no longer had
   * the events (410). `forbidden`: RBAC does not allow the watch. `unavailable`: the API server did not respond.
   * `not-served`: the cluster has no such kind. `dropped`: the changes were watched, and are no longer kept.
   */
  reason: Schema.Literals(["not-started", "stopped", "expired", "forbidden", "unavailable", "not-served", "dropped"])
})
export type WatchGap = typeof WatchGap.Type
