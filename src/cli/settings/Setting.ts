/** One setting: its schema, its default, and the texts for help and errors. */

import { Duration, Schema } from "effect"
import { DurationText } from "../../domain/DurationText.ts"

/**
 * How the text of an environment variable is parsed into the value that the file would contain. `words` is a
 * comma-separated list, `pairs` is OpenTelemetry's `key=value,key=value` with percent-encoded values.
 */
export type TextForm = "text" | "number" | "boolean" | "json" | "words" | "pairs"

export interface Setting<out S extends Schema.Constraint = Schema.Constraint> {
  readonly schema: S
  readonly form: TextForm
  /** The default, as written in the file. Absent: the setting is optional and has no default. */
  readonly fallback?: S["Encoded"]
  /** Describes a default that is not a constant. */
  readonly fallbackText?: string
  readonly description: string
  /** Describes the valid values, for error messages. */
  readonly expected: string
  /** Whether the value is or may contain a secret, so that no error message quotes it. */
  readonly secret?: boolean
}

export const setting = <S extends Schema.Constraint, const Options extends Omit<Setting<S>, "schema">>(
  schema: S,
  options: Options
): { readonly schema: S } & Options => ({
  schema,
  ...options
})

export const wholeNumber = (minimum: number, maximum: number) =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }))

export const HttpUrl = Schema.String.check(
  Schema.makeFilter(
    (text: string) => {
      const url = URL.parse(text)
      return (
        url !== null
        && (url.protocol === "http:" || url.protocol === "https:")
        && url.username === ""
        && url.password === ""
      )
    },
    { message: "Expected an http:// or https:// address without user and password in it" }
  )
)

/** An address. A refused address may contain a password or a token. */
export const httpUrl = ({ description, example }: { readonly description: string; readonly example: string }) =>
  setting(HttpUrl, {
    form: "text",
    description,
    expected: `an http:// or https:// address without user and password, such as ${example}`,
    secret: true
  })

export const Secret = Schema.RedactedFromValue(Schema.NonEmptyString)

/** A time to wait for something: none at all would end everything before it begins. */
export const Timeout = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) > 0 && Duration.toMillis(duration) <= Duration.toMillis(Duration.days(1))
      ? undefined
      : "Expected more than zero and at most 1 day"
  )
)
