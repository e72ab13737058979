/** Decodes the value of one setting, and describes what is wrong with it without quoting a secret. */

import { Result, Schema, SchemaIssue } from "effect"
import { Price } from "../../investigation/spend/Price.ts"
import { NotificationSinkSetting } from "./NotificationSettings.ts"
import { LlmProvider, type SettingName, settings } from "./Settings.ts"

const formatIssues = SchemaIssue.makeFormatterStandardSchemaV1()

/** The value, or what is wrong with it. */
export type Decoded<A> = Result.Result<A, ReadonlyArray<string>>

const decodeSchema = (name: SettingName, raw: unknown) =>
  Schema.decodeUnknownResult(settings[name].schema as Schema.Codec<unknown, unknown>, {
    errors: "all",
    onExcessProperty: "error"
  })(raw)

const publicFields = new Set([LlmProvider, Price, NotificationSinkSetting].flatMap(({ fields }) => Object.keys(fields)))

/** A path within a secret value. A key that is not ours may be part of the secret, so only its position is named. */
const placeIn = (name: SettingName, raw: unknown, path: ReadonlyArray<unknown>): string => {
  if (settings[name].form === "pairs")
    return `pair ${Object.keys(raw as object).indexOf(String(path[0])) + 1} is not name=value`
  const parts = path.map((part) =>
    typeof part === "number" || publicFields.has(String(part)) ? part : "unknown field"
  )
  return `invalid at ${parts.map(String).join(".")}`
}

/** The message of an issue quotes the value. For a secret, only places and our own messages are reported. */
const secretProblems = (
  name: SettingName,
  raw: unknown,
  issues: ReturnType<typeof formatIssues>["issues"]
): ReadonlyArray<string> => {
  const own = issues.find(({ message }) => /^(Expected (sqlite|each|an http|a short)|PostgreSQL)/.test(message))
  if (own !== undefined) return [own.message]
  const places = issues.flatMap(({ path = [] }) => (path.length === 0 ? [] : [placeIn(name, raw, path)]))
  return [[`expected ${settings[name].expected}`, ...new Set(places)].join("; ")]
}

/** Decodes a value as the file contains it. */
export const decode = (name: SettingName, raw: unknown): Decoded<unknown> => {
  const { expected, form, secret } = { secret: false, ...settings[name] }
  if (form === "pairs" && typeof raw === "string")
    return Result.flatMap(parsePairs(name, raw), (pairs) => decode(name, pairs))
  return Result.mapError(decodeSchema(name, raw), (error) => {
    const { issues } = formatIssues(error.issue)
    if (secret) return secretProblems(name, raw, issues)
    const places = issues
      .filter(({ path }) => path !== undefined && path.length > 0)
      .map(({ message, path }) => `${(path ?? []).map(String).join(".")}: ${message}`)
    return places.length > 0 ? places : [`expected ${expected}, got ${JSON.stringify(raw)}`]
  })
}

const parseJson = (text: string, expected: string, secret = false): Result.Result<unknown, string> => {
  try {
    return Result.succeed(JSON.parse(text))
  } catch {
    return Result.fail(`not valid JSON; expected ${expected}${secret ? "" : `, got ${JSON.stringify(text)}`}`)
  }
}

const parsePair = (pair: string): readonly [name: string, value: string] | undefined => {
  const { key = "", value = "" } = /^(?<key>[^=]+)=(?<value>.*)$/s.exec(pair)?.groups ?? {}
  try {
    return key.trim() === "" ? undefined : [key.trim(), decodeURIComponent(value.trim())]
  } catch {
    return undefined
  }
}

/** `key=value,key=value`, with percent-encoding in the values. */
const parsePairs = (name: SettingName, text: string): Decoded<Record<string, string>> => {
  const { expected, secret } = { secret: false, ...settings[name] }
  const pairs = text
    .split(",")
    .filter((pair) => pair.trim() !== "")
    .map(parsePair)
  const wrong = pairs.findIndex(
    (pair) => pair === undefined || Result.isFailure(decodeSchema(name, { [pair[0]]: pair[1] }))
  )
  if (wrong === -1) return Result.succeed(Object.fromEntries(pairs.filter((pair) => pair !== undefined)))
  return Result.fail([
    `expected ${expected}${secret ? `; pair ${wrong + 1} is not name=value` : `, got ${JSON.stringify(text)}`}`
  ])
}

const fromText = (name: SettingName, text: string): Result.Result<unknown, string> => {
  const { expected, form, secret } = { secret: false, ...settings[name] }
  switch (form as string) {
    case "number":
      return /^(\d+\.?\d*|\.\d+)$/.test(text.trim())
        ? Result.succeed(Number(text))
        : Result.fail(`expected ${expected}, got ${JSON.stringify(text)}`)
    case "boolean":
      return /^(true|false)$/i.test(text.trim())
        ? Result.succeed(text.trim().toLowerCase() === "true")
        : Result.fail(`expected ${expected}, got ${JSON.stringify(text)}`)
    case "json":
      return parseJson(text, expected, secret)
    case "words":
      if (text.trimStart().startsWith("[")) return parseJson(text, expected)
      return Result.succeed(
        text
          .split(",")
          .map((word) => word.trim())
          .filter((word) => word !== "")
      )
    default:
      return Result.succeed(text)
  }
}

/** Decodes the text of an environment variable. */
export const decodeText = (name: SettingName, text: string): Decoded<unknown> =>
  Result.flatMap(
    Result.mapError(fromText(name, text), (message) => [message]),
    (raw) => decode(name, raw)
  )
