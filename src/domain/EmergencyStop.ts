/**
 * The emergency stop: an operator's order that no new action starts. Actions that run finish, or are rolled back, and
 * everything else works: alerts are accepted and investigated, and a person can undo an action.
 *
 * It has no end of its own. It survives restarts, until an operator lifts it.
 */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

/** An emergency stop that is set. */
export const EmergencyStop = Schema.Struct({
  /** Who set it. */
  by: Schema.NonEmptyString,
  reason: Schema.optionalKey(Schema.String),
  since: Timestamp
}).annotate({ identifier: "EmergencyStop" })
export type EmergencyStop = typeof EmergencyStop.Type

/**
 * One sentence for people.
 *
 * ```ts
 * import { EmergencyStop } from "kubernaut"
 *
 * EmergencyStop.describe({ by: "ada", reason: "the sale", since: "2026-11-24T03:00:00.000Z" })
 * // => "ada has set the emergency stop at 2026-11-24T03:00:00.000Z, so no new action starts: the sale"
 * ```
 */
export const describe = ({ by, reason, since }: EmergencyStop): string =>
  `${by} has set the emergency stop at ${since}, so no new action starts${reason === undefined ? "." : `: ${reason}`}`
