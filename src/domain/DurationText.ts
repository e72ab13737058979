/**
 * A duration in text form: `30 seconds`, `10 minutes`, `1.5 hours`, or in short `500ms`, `30s`, `10m`, `2h`, `1d`.
 *
 * The unit is required: a bare `30` is rejected, because it could mean seconds or milliseconds.
 */

import { Duration, Schema, SchemaTransformation } from "effect"

const unitMillis: Readonly<Record<string, number>> = {
  ms: 1,
  milli: 1,
  millis: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000
}

const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)\\s*(${Object.keys(unitMillis).join("|")})$`)

const parse = (text: string): Duration.Duration => {
  const [, value, unit] = pattern.exec(text) ?? []
  return Duration.millis(Number(value) * (unitMillis[unit ?? ""] ?? Number.NaN))
}

/** Uses the largest unit that gives a whole number: `90 seconds`, but `2 minutes`. */
const format = (duration: Duration.Duration): string => {
  const millis = Duration.toMillis(duration)
  const units = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1000]
  ] as const
  for (const [unit, size] of units) {
    if (millis >= size && millis % size === 0) return `${millis / size} ${unit}${millis === size ? "" : "s"}`
  }
  return `${millis} millis`
}

/**
 * A `Duration`, encoded as text with a unit.
 *
 * ```ts
 * import { Duration, Schema } from "effect"
 * import { DurationText } from "kubernaut"
 *
 * Duration.toMillis(Schema.decodeSync(DurationText.DurationText)("10m")) // => 600000
 * Schema.encodeSync(DurationText.DurationText)(Duration.minutes(10)) // => "10 minutes"
 * ```
 */
export const DurationText = Schema.String.annotate({
  description: "A length of time with its unit, such as 30 seconds or 10 minutes."
})
  .check(
    Schema.isPattern(pattern, {
      message: "Expected a length of time with its unit, such as 30 seconds, 10 minutes or 500ms"
    })
  )
  .pipe(Schema.decodeTo(Schema.Duration, SchemaTransformation.transform({ decode: parse, encode: format })))
