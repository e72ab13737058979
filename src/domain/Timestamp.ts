/**
 * A point in time as an ISO 8601 string in UTC with milliseconds, such as `2026-11-24T03:00:00.000Z`.
 *
 * Domain data has one form in memory, in the journal and in HTTP responses, so times are kept in readable form. These
 * strings sort chronologically.
 */

import { Clock, Effect, Schema } from "effect"

/** A UTC time with milliseconds, such as `2026-11-24T03:00:00.000Z`. */
export const Timestamp = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, {
    message: "Expected a UTC time such as 2026-11-24T03:00:00.000Z"
  })
)
export type Timestamp = typeof Timestamp.Type

/**
 * Converts milliseconds since the Unix epoch to a timestamp.
 *
 * ```ts
 * import { Timestamp } from "kubernaut"
 *
 * Timestamp.fromMillis(1000) // => "1970-01-01T00:00:01.000Z"
 * Timestamp.toMillis("1970-01-01T00:00:01.000Z") // => 1000
 * ```
 */
export const fromMillis = (millis: number): Timestamp => new Date(millis).toISOString()

/** Converts a timestamp to milliseconds since the Unix epoch. */
export const toMillis = (timestamp: Timestamp): number => Date.parse(timestamp)

/** The current time of Effect's `Clock`. */
export const now: Effect.Effect<Timestamp> = Effect.map(Clock.currentTimeMillis, fromMillis)
