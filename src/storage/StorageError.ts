/** The one error of `storage`. A request that fails with it has stored nothing, except where `committed` says otherwise. */
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
    /** Anything else the driver reports. */
    "failed"
  ]),
  operation: Schema.String,
  retryable: Schema.Boolean,
  /** Whether the transaction may have been committed all the same. */
  committed: Schema.Literals(["no", "unknown"])
}) {
  override get message(): string {
    return `${this.operation}: storage ${this.reason}`
  }
}
