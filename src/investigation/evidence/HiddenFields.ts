/**
 * Hides the secrets in the fields of a Kubernetes object before they leave the process. Pure.
 *
 * **Details**
 *
 * A value is hidden by what it is called and by what it looks like:
 *
 * | value                                                        | is shown as                    |
 * | ------------------------------------------------------------ | ------------------------------ |
 * | of a field, variable, key or annotation with a secret name   | `[redacted:value]`             |
 * | `value` and the like, beneath something with a secret name   | `[redacted:value]`             |
 * | what is beneath a secret name, such as `passwords.alice`     | `[redacted:value]`             |
 * | a key that is a file with a secret name, such as `token.txt` | `[redacted:value]`             |
 * | an argument after a flag with a secret name                  | `[redacted:value]`             |
 * | of a Secret                                                  | nothing: only its key is shown |
 * | `binaryData` of a ConfigMap                                  | its length                     |
 * | any other text                                               | the text without its secrets   |
 *
 * A number with a secret name is hidden, `true` and `false` are not: they say whether there is one.
 */

import type { Schema } from "effect"
import type { FieldDifference, FieldPath, PathToken } from "../../domain/FieldPath.ts"
import { isGeneric, isHeld, isHolder } from "../../domain/SecretHolders.ts"
import { isSecretFile, isSecretKind, isSecretValue } from "../../domain/SecretNames.ts"
import { redact, redactLabels } from "./Redaction.ts"
import { mark } from "./SecretShapes.ts"

type Json = Schema.Json
type Fields = Readonly<Record<string, Json>>

const isFields = (value: Json): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value)

/** Files that hold nothing but credentials. */
const secretFiles =
  /^\.?(pgpass(\.conf)?|netrc|htpasswd|dockercfg|dockerconfigjson|npmrc|pypirc|my\.cnf|id_(rsa|dsa|ecdsa|ed25519))$/i

/** Whether what has this name is a secret. The prefix of a label or an annotation says whose it is, not what it is. */
const isSecret = (name: string, value: unknown): boolean => {
  const key = name.slice(name.lastIndexOf("/") + 1)
  return isSecretValue(key, value) || isSecretFile(key, value) || secretFiles.test(key)
}

/** More of a text is not looked at, so it is not shown: looking takes half a millisecond for a thousand characters. */
const mostCharacters = 8000
/** More items of a list, and more fields of an object, are not shown. */
const mostItems = 1000

const textOf = (name: string, value: string): string => {
  const key = name.slice(name.lastIndexOf("/") + 1)
  if (value.length <= mostCharacters) return redactLabels({ [key]: value })[key] ?? ""
  // The last word may be the first half of a secret.
  const begin = value.slice(0, mostCharacters).replace(/\S{1,1000}$/, "")
  return `${redactLabels({ [key]: begin })[key]}… (${value.length} characters)`
}

/** An argument is a secret if it is one together with the argument before it, such as `--password` and `hunter2`. */
const argumentsOf = (name: string, list: ReadonlyArray<string>): ReadonlyArray<string> =>
  list.map((argument, index) => {
    const before = list[index - 1]
    const alone = textOf(name, argument)
    if (before === undefined || argument === "" || argument.length > 500) return alone
    const flag = /^--?([A-Za-z][\w.-]*)$/.exec(before)?.[1]
    if (flag !== undefined && isSecret(flag, argument)) return mark("value")
    const command = list.slice(Math.max(0, index - 5), index).map((each) => each.slice(0, 100))
    return redact([...command, argument].join(" ")).endsWith(alone) ? alone : mark("value")
  })

const isTexts = (list: ReadonlyArray<Json>): list is ReadonlyArray<string> =>
  list.every((each) => typeof each === "string")

/** What has these names, from top to bottom, without the secrets beneath the first of them. */
const masked = (names: ReadonlyArray<string>, value: Json): Json => {
  if (Array.isArray(value)) return (value as ReadonlyArray<Json>).slice(0, mostItems).map((each) => masked(names, each))
  if (isFields(value))
    return Object.fromEntries(
      Object.entries(value)
        .slice(0, mostItems)
        .map(([field, each]) => [textOf("", field), masked([...names, field], each)])
    )
  if (typeof value !== "string" && typeof value !== "number") return value
  // The item of a list has the name of the list.
  const isSecretItem = names.length === 1 || isHeld(names, value)
  return isSecretItem ? mark("value") : hidden(names.at(-1) ?? "", value)
}

/** A value with this name, without its secrets. */
export const hidden = (name: string, value: Json): Json => {
  if (typeof value === "object" && value !== null && isHolder(name)) return masked([name], value)
  if (typeof value === "string") return isSecret(name, value) ? mark("value") : textOf(name, value)
  if (typeof value === "number") return isSecret(name, value) ? mark("value") : value
  if (Array.isArray(value)) {
    const list = (value as ReadonlyArray<Json>).slice(0, mostItems)
    if (isTexts(list) && !list.some((each) => isSecret(name, each))) return argumentsOf(name, list)
    return list.map((each) => hidden(name, each))
  }
  if (!isFields(value)) return value
  const own = value["name"] ?? value["key"]
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, mostItems)
      .map(([field, each]) => {
        if (field === "binaryData") return [field, binary(each)]
        const called = isGeneric(field) ? (typeof own === "string" && field === "value" ? own : name) : field
        return [textOf("", field), hidden(isSecret(called, each) ? called : field, each)]
      })
  )
}

const binary = (value: Json): Json =>
  isFields(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, binary(each)]))
    : typeof value === "string"
      ? `[binary: ${value.length} characters in base64]`
      : value

/** The name by which a value may be a secret: its own, or that of what it belongs to. */
const nameOf = (path: FieldPath): string => {
  const [last = "", parent] = path.toReversed().map((token) => (typeof token === "string" ? token : token.value))
  return parent !== undefined && isGeneric(last) && !isSecret(last, undefined) ? parent : last
}

const shownToken = (token: PathToken): PathToken =>
  typeof token === "string" ? textOf("", token) : { by: token.by, value: textOf("", token.value) }

/** A path without secrets: the keys of custom kinds may be anything. */
export const hiddenPath = (path: FieldPath): FieldPath => path.map(shownToken)

/** A difference without secrets. Of a Secret, only which key differs. */
export const hiddenDifference = (kind: string, { after, before, path, ...rest }: FieldDifference): FieldDifference => {
  const shown = { ...rest, path: hiddenPath(path) }
  if (isSecretKind(kind)) return shown
  const name = nameOf(path)
  const names = path.flatMap((token) => (typeof token === "string" ? [token] : []))
  const above = typeof path.at(-1) === "string" ? names.slice(0, -1) : names
  const value = (each: Json) => {
    if (path[0] === "binaryData") return binary(each)
    return above.some(isHolder) ? masked(names, each) : hidden(name, each)
  }
  return {
    ...shown,
    ...(before === undefined ? {} : { before: value(before) }),
    ...(after === undefined ? {} : { after: value(after) })
  }
}
