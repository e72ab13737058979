/**
 * One line of the audit log.
 *
 * Lines are numbered without gaps and form a hash chain. Changing, removing or inserting a line breaks every later
 * hash.
 */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

/** One line of the audit log. `AuditLog` appends and reads lines. */
export const AuditEvent = Schema.Struct({
  /** Position in the log, without gaps. */
  sequence: Schema.Int,
  at: Timestamp,
  /** `kubernaut`, or the principal of an operator. */
  actor: Schema.NonEmptyString,
  /** For example `remediation.<event>`, `breaker.isolated` or `level.changed`. */
  kind: Schema.NonEmptyString,
  /** The object of the event, for example the id of a remediation or the name of a circuit breaker. */
  subject: Schema.String,
  data: Schema.JsonObject,
  /** `hash` of the line before. */
  previousHash: Schema.String,
  /** SHA-256 of this line's content and `previousHash`. */
  hash: Schema.String
})
export type AuditEvent = typeof AuditEvent.Type
