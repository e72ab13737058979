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

/** The names of a field, from top to bottom, and what it belongs to, where that is called something else. */
const beneath = (trail: ReadonlyArray<string>, field: string, called: string): ReadonlyArray<string> =>
  called === field ? [...trail, field] : [...trail, called, field]

/**
 * A value that is called so, without its secrets. `trail` has the names from top to bottom, the last one included. What
 * is a secret by its own name is one beneath any other: a name above it can only hide more.
 */
const shownOf = (trail: ReadonlyArray<string>, name: string, value: Json): Json => {
  if (Array.isArray(value)) return shownItems(trail, name, (value as ReadonlyArray<Json>).slice(0, mostItems))
  if (isFields(value)) return shownFields(trail, name, value)
  if (typeof value !== "string" && typeof value !== "number") return value
  if (isSecret(name, value) || isHeld(trail, value)) return mark("value")
  return typeof value === "string" ? textOf(name, value) : value
}

/** The item of a list has the name of the list. */
const shownItems = (trail: ReadonlyArray<string>, name: string, list: ReadonlyArray<Json>): ReadonlyArray<Json> => {
  const texts = isTexts(list) ? argumentsOf(name, list) : undefined
  return list.map((each, index) => {
    if (typeof each !== "string" && typeof each !== "number") return shownOf(trail, name, each)
    if (isHolder(name) || isSecret(name, each) || isHeld(trail, each)) return mark("value")
    return texts?.[index] ?? shownOf(trail, name, each)
  })
}

const shownFields = (trail: ReadonlyArray<string>, name: string, value: Fields): Json => {
  const own = value["name"] ?? value["key"]
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, mostItems)
      .map(([field, each]) => {
        if (field === "binaryData") return [field, binary(each)]
        const owners = [...(typeof own === "string" ? [own] : []), name]
        const called = (isGeneric(field) ? owners.find((owner) => isSecret(owner, each)) : undefined) ?? field
        return [textOf("", field), shownOf(beneath(trail, field, called), called, each)]
      })
  )
}

/** A value with this name, without its secrets. */
export const hidden = (name: string, value: Json): Json => shownOf([name], name, value)

const binary = (value: Json): Json =>
  isFields(value)
    ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, binary(each)]))
    : typeof value === "string"
      ? `[binary: ${value.length} characters in base64]`
      : value

const wordOf = (token: PathToken): string => (typeof token === "string" ? token : token.value)

/** The name by which a value may be a secret: its own, or that of what it belongs to. */
const nameOf = (path: FieldPath): string => {
  const words = path.map(wordOf)
  const last = words.at(-1) ?? ""
  return isSecret(last, undefined) ? last : (words.findLast((word) => !isGeneric(word)) ?? last)
}

/** The names above a value. An item of a list counts by its own name only where what follows says nothing. */
const trailOf = (path: FieldPath): ReadonlyArray<string> =>
  path.flatMap((token, index) => {
    const next = path[index + 1]
    return typeof token === "string" || next === undefined || isGeneric(wordOf(next)) ? [wordOf(token)] : []
  })

const shownToken = (token: PathToken): PathToken =>
  typeof token === "string" ? textOf("", token) : { by: token.by, value: textOf("", token.value) }

/** A path without secrets: the keys of custom kinds may be anything. */
export const hiddenPath = (path: FieldPath): FieldPath => path.map(shownToken)

/** A difference without secrets. Of a Secret, only which key differs. */
export const hiddenDifference = (kind: string, { after, before, path, ...rest }: FieldDifference): FieldDifference => {
  const shown = { ...rest, path: hiddenPath(path) }
  if (isSecretKind(kind)) return shown
  const name = nameOf(path)
  const trail = trailOf(path)
  const value = (each: Json) => (path[0] === "binaryData" ? binary(each) : shownOf(trail, name, each))
  return {
    ...shown,
    ...(before === undefined ? {} : { before: value(before) }),
    ...(after === undefined ? {} : { after: value(after) })
  }
}
