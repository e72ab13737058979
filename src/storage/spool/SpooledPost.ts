/** What a post brought, in the form in which the spool keeps it until the database can store it. */

import { Schema } from "effect"
import { Alert } from "../../domain/Alert.ts"
import { Target } from "../../domain/Target.ts"
import { Timestamp } from "../../domain/Timestamp.ts"

/** A firing alert. Its remediation gets an id when the database takes it, so there is none yet. */
export const SpooledAlert = Schema.Struct({
  alert: Alert,
  target: Target,
  provisional: Schema.Boolean,
  /** As in `RemediationStore.NewAlert`. */
  observed: Schema.optionalKey(Schema.String)
})
export type SpooledAlert = typeof SpooledAlert.Type

/** The end of an alert. */
export const SpooledEnd = Schema.Struct({
  cluster: Schema.String,
  fingerprint: Schema.String,
  startsAt: Timestamp,
  endsAt: Timestamp
})

/** The alerts of one post, or of a part of a large one. Firing alerts are stored before resolved ones. */
export const SpooledPost = Schema.Struct({
  /** When it was received, by our wall clock. */
  at: Timestamp,
  /** Who sent it: the name of the principal. */
  source: Schema.String,
  firing: Schema.Array(SpooledAlert),
  resolved: Schema.Array(SpooledEnd)
})
export type SpooledPost = typeof SpooledPost.Type

/** A post with its place in the spool. */
export const SpoolEntry = Schema.Struct({
  /** Names what one process has put into one use of a file, which lasts until everything in it has been replayed. */
  spool: Schema.NonEmptyString,
  /** Counts them from 1, without gaps. */
  sequence: Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)),
  ...SpooledPost.fields
})
export type SpoolEntry = typeof SpoolEntry.Type

/** The number of alerts of a post. */
export const alertsIn = ({ firing, resolved }: SpooledPost): number => firing.length + resolved.length
