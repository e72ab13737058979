/**
 * A moment as an ISO 8601 string in UTC with milliseconds, `2026-11-24T03:00:00.000Z`.
 *
 * Domain data is the same in memory, in the journal and in the HTTP answers, so a moment is kept in the form a person
 * reads. Strings of this form sort as the moments do.
 */

import { Clock, Effect, Schema } from "effect"

export const Timestamp = Schema.String.check(
  Schema.isPattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, {
    message: "Expected a UTC time such as 2026-11-24T03:00:00.000Z"
  })
)
export type Timestamp = typeof Timestamp.Type

/** The timestamp of a number of milliseconds since 1970. */
export const fromMillis = (millis: number): Timestamp => new Date(millis).toISOString()

/** Milliseconds since 1970 of a timestamp. */
export const toMillis = (timestamp: Timestamp): number => Date.parse(timestamp)

/** The moment now, by Effect's `Clock`. */
export const now: Effect.Effect<Timestamp> = Effect.map(Clock.currentTimeMillis, fromMillis)
