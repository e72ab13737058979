/**
 * The one error of `storage`. A request that fails with it has stored nothing, except where `committed` says otherwise.
 */

import { Schema } from "effect"

export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  reason: Schema.Literals([
    /** The database cannot be reached or opened. */
    "unavailable",
    /** Locked by somebody else for longer than we wait. */
    "busy",
    /** No space left: nothing more can be accepted. */
    "full",
    /** A row does not decode: written by another version, or damaged. */
    "corrupt",
    /** The database was written by a newer version of this program, and is left untouched. */
    "incompatible",
    /** Anything else the driver reports. */
    "failed"
  ]),
  operation: Schema.String,
  /** What exactly is wrong, for the operator: which row, which version, which limit. Never what a row contains. */
  detail: Schema.optionalKey(Schema.String),
  retryable: Schema.Boolean,
  /** Whether the transaction may have been committed all the same. */
  committed: Schema.Literals(["no", "unknown"])
}) {
  override get message(): string {
    return `${this.operation}: storage ${this.reason}${this.detail === undefined ? "" : `, ${this.detail}`}`
  }
}
