/** The only error of `storage`. The failed operation stored nothing, unless `committed` is `unknown`. */

import { Schema } from "effect"

/** A storage operation failed. `retryable` says whether the same operation may succeed later. */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  reason: Schema.Literals([
    /** The database cannot be reached or opened. */
    "unavailable",
    /** Another process held the lock for longer than the busy timeout, or too many writes are waiting. */
    "busy",
    /** No space left on the disk. */
    "full",
    /** The event to store does not match its schema, so it could not be read again. Nothing was stored. */
    "invalid",
    /** A row does not decode: it is damaged, or another version wrote it. */
    "corrupt",
    /** A newer version of this program wrote the database. It is left unchanged. */
    "incompatible",
    /** Any other error of the driver. */
    "failed"
  ]),
  operation: Schema.String,
  /** Details for the operator: which row, which version, which limit. Never the content of a row. */
  detail: Schema.optionalKey(Schema.String),
  retryable: Schema.Boolean,
  /** `unknown`: the transaction may have been committed in spite of the error. */
  committed: Schema.Literals(["no", "unknown"])
}) {
  override get message(): string {
    return `${this.operation}: storage ${this.reason}${this.detail === undefined ? "" : `, ${this.detail}`}`
  }
}
