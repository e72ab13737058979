/**
 * A time in a query: how long ago it was (`1h`, `30 minutes`), or when it was (`2026-11-24T03:00:00Z`).
 */

import { Duration, Option, Schema } from "effect"
import { DurationText } from "../domain/DurationText.ts"
import * as Timestamp from "../domain/Timestamp.ts"

/** A time that is known as soon as the present time is. */
export type QueriedTime =
  | { readonly _tag: "Ago"; readonly millis: number }
  | { readonly _tag: "At"; readonly at: Timestamp.Timestamp }

const iso = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+ -]\d\d:?\d\d)$/
const asDuration = Schema.decodeUnknownOption(DurationText)
const longestMs = Duration.toMillis(Duration.days(366))

/** What is expected, for the message of a 400. */
export const expected =
  "Expected how long ago, such as 30m, 1h or 2 days (at most 366 days), or a time with its offset, such as 2026-11-24T03:00:00Z"

const at = (text: string): number => {
  const [, time, offset = ""] = iso.exec(text) ?? []
  // A plus sign in a query that is not escaped arrives as a space.
  return time === undefined ? Number.NaN : Date.parse(`${time}${offset.replace(" ", "+")}`)
}

/** The time that a text names; `undefined` if it names none. */
export const parse = (text: string): QueriedTime | undefined => {
  const millis = Option.map(asDuration(text.trim()), Duration.toMillis)
  if (Option.isSome(millis)) return millis.value <= longestMs ? { _tag: "Ago", millis: millis.value } : undefined
  const atMs = at(text.trim())
  return Number.isNaN(atMs) ? undefined : { _tag: "At", at: Timestamp.fromMillis(atMs) }
}

/** The time, at present. */
export const toTimestamp = (time: QueriedTime, nowMs: number): Timestamp.Timestamp =>
  time._tag === "At" ? time.at : Timestamp.fromMillis(nowMs - time.millis)

/** A query parameter with a time, which `parse` reads. */
export const TimeText = Schema.String.check(
  Schema.isMaxLength(100),
  Schema.makeFilter((text) => (parse(text) === undefined ? expected : undefined))
)
