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
    /** What is to be stored breaks a rule of the database, such as a constraint or its greatest size. */
    "refused",
    /** A row does not decode, or is missing. The rest of the database can be used. */
    "corrupt",
    /** The file of the database is damaged, or is none. */
    "damaged",
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

/**
 * Whether the error is about what was to be stored: it says nothing about the next write, and comes again when the same
 * is written again. Every other error is about the database, which may take the same later.
 */
export const isAboutTheContent = ({ reason }: StorageError): boolean =>
  reason === "invalid" || reason === "refused" || reason === "corrupt"
