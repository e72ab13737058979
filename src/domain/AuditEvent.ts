/**
 * One line of the audit log. Lines are numbered without gaps and chained: `hash` is SHA-256 over the line's own content
 * and the hash before it, so a line that was changed, removed or put in between breaks every hash after it.
 */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

export const AuditEvent = Schema.Struct({
  sequence: Schema.Int,
  at: Timestamp,
  /** Who did it: `kubernaut`, or the principal of an operator. */
  actor: Schema.NonEmptyString,
  /** `remediation.<event>`, `breaker.isolated`, `level.changed`, `emergency.entered` … */
  kind: Schema.NonEmptyString,
  /** The remediation's id, the breaker's name … */
  subject: Schema.String,
  data: Schema.JsonObject,
  previousHash: Schema.String,
  hash: Schema.String
})
export type AuditEvent = typeof AuditEvent.Type
