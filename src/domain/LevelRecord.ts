/** What is remembered of the degradation level, so that a restarted process knows where it was. */

import { Schema } from "effect"
import { DegradationLevel } from "./DegradationLevel.ts"
import { Timestamp } from "./Timestamp.ts"

/** The level when it was last recorded, and what the next process needs to go on from there. */
export const LevelRecord = Schema.Struct({
  /** The level in force. */
  level: DegradationLevel,
  /** One sentence each. */
  reasons: Schema.Array(Schema.String),
  /** Since when the level is in force. */
  since: Timestamp,
  /** The level without the emergency that an operator has declared. */
  automatic: DegradationLevel,
  /** When the automatic level last rose. Absent: never. */
  roseAt: Schema.optionalKey(Timestamp),
  /** The services that were out. */
  out: Schema.Array(Schema.String),
  /** The keys of the causes of an emergency that an operator has dismissed, and that are still found. */
  dismissed: Schema.Array(Schema.String),
  /** Whether no peer answered: then it was told, and the end of it has to be told too. Absent: no. */
  isCutOff: Schema.optionalKey(Schema.Boolean),
  /** The causes of an emergency that health checks had found. Absent: an earlier version has not recorded them. */
  found: Schema.optionalKey(
    Schema.Array(Schema.Struct({ check: Schema.String, key: Schema.String, cause: Schema.String }))
  ),
  /**
   * The models that are not in full use, and since when. Absent: nothing is out and all are, or an earlier version has
   * not recorded them.
   */
  unrestored: Schema.optionalKey(Schema.Array(Schema.Struct({ service: Schema.String, since: Timestamp })))
})
export type LevelRecord = typeof LevelRecord.Type

/** Where a process begins. */
export interface Beginning extends LevelRecord {
  /** The models that are not in full use for other processes that are there. They may be for this one. */
  readonly elsewhere?: NonNullable<LevelRecord["unrestored"]>
}

/** A line of the audit log about the level: its kind, its subject and its data. */
export interface LevelLine {
  /** `level.changed`, `peers.cut-off`, `peers.reached`, or `emergency.dismissed`. */
  readonly kind: string
  readonly subject: string
  readonly data: Schema.JsonObject
  /** When it happened. It may be written later, while the database is down. */
  readonly at: Timestamp
  /** Default `kubernaut`. */
  readonly actor?: string
}
