/**
 * The fields of a recorded change on an object as it is now: which of them still have the value that the change gave
 * them, and the edits that put the earlier values back.
 *
 * | a field has now                                  | then                                                       |
 * | ------------------------------------------------ | ---------------------------------------------------------- |
 * | the value that the change gave it                | it is put back                                             |
 * | its earlier value                                | somebody has put it back already                           |
 * | a map that the change added or removed, and more | the keys of the change are put back, and the others remain |
 * | anything else                                    | somebody has changed it since                              |
 *
 * Items of lists are found by their names, because somebody may have put others before them.
 */

import { hash } from "node:crypto"
import { anyCase } from "../../domain/AnyCase.ts"
import * as FieldPath from "../../domain/FieldPath.ts"
import { isHeldBy, isReferring } from "../../domain/SecretHolders.ts"
import { doubtfulWord, isSecretKind, isSecretValue, secretWord } from "../../domain/SecretNames.ts"
import type { KubernetesObject } from "../../kubernetes/KubernetesClient.ts"
import { ordered } from "../../kubernetes/SpecDigest.ts"
import { sameValue } from "../../kubernetes/SpecFields.ts"
import { type Edit, edited, set, unset } from "../ObjectPatch.ts"

type Difference = FieldPath.FieldDifference
type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** A field, and whether it has the value of after the change, of before it, or another one. */
export interface FieldState {
  readonly field: Difference
  readonly state: "changed" | "back" | "other"
  /** What it has now; `undefined` for nothing. */
  readonly now: unknown
}

const stateOf = (object: unknown, field: Difference): FieldState => {
  const now = FieldPath.valueAt(object, field.path)
  if (sameValue(now, field.after)) return { field, state: "changed", now }
  return { field, state: sameValue(now, field.before) ? "back" : "other", now }
}

/** The keys of a map that the change added or removed as a whole. */
const keysOf = ({ after, before, path }: Difference): ReadonlyArray<Difference> => {
  const [old, next] = [before ?? {}, after ?? {}]
  const isWholeMap = (before === undefined) !== (after === undefined) && isFields(old) && isFields(next)
  return isWholeMap ? FieldPath.differences(old, next, path) : []
}

/** The state of every field of a change. */
export const fieldStates = (object: KubernetesObject, fields: ReadonlyArray<Difference>): ReadonlyArray<FieldState> =>
  fields.flatMap((field) => {
    const whole = stateOf(object, field)
    if (whole.state !== "other" || !isFields(whole.now)) return [whole]
    const keys = keysOf(field)
    return keys.length === 0 ? [whole] : keys.map((key) => stateOf(object, key))
  })

/** The edit that gives a field its earlier value; `undefined` if the object has no place for it. */
const editOf = (object: unknown, { at, before, path }: Difference): Edit | undefined => {
  const last = path.at(-1)
  const steps = FieldPath.stepsIn(object, path)
  if (steps === undefined) return undefined
  if (before === undefined) return unset(steps)
  const exists = FieldPath.valueAt(object, path) !== undefined
  if (typeof last !== "object" || exists) return set(steps, before)
  const end = Number(steps.at(-1))
  return { _tag: "Insert", path: [...steps.slice(0, -1), Math.min(at ?? end, end)], value: before }
}

/**
 * The edits that put back the earlier value of each field, in their order. `undefined` if the object has no place for
 * one of them: the item of a list that contained it is gone.
 */
export const editsOf = (
  object: KubernetesObject,
  fields: ReadonlyArray<Difference>
): ReadonlyArray<Edit> | undefined => {
  const edits: Array<Edit> = []
  let current: unknown = object
  for (const field of fields) {
    const edit = editOf(current, field)
    if (edit === undefined) return undefined
    edits.push(edit)
    current = edited(current, edit)
  }
  return edits
}

/** The object with the earlier value of each field; `undefined` if it has no place for one of them. */
export const restoredIn = (object: KubernetesObject, fields: ReadonlyArray<Difference>): KubernetesObject | undefined =>
  editsOf(object, fields)?.reduce<unknown>(edited, object) as KubernetesObject | undefined

/** Where an item is in its list; nothing for a field. */
const placeOf = (object: unknown, path: FieldPath.FieldPath): { readonly at?: number } =>
  typeof path.at(-1) === "object" ? { at: Number(FieldPath.stepsIn(object, path)?.at(-1) ?? 0) } : {}

/** What is written by putting fields of an object back: from what they have to what they get. */
export const written = (object: unknown, fields: ReadonlyArray<Difference>): ReadonlyArray<Difference> =>
  fields.map(({ after, before, path }) => ({
    path,
    ...(after === undefined ? {} : { before: after }),
    ...(before === undefined ? placeOf(object, path) : { after: before })
  }))

/** The fields under which people keep what is nobody else's business. */
const confidential: ReadonlySet<string> = new Set([
  "data",
  "binaryData",
  "env",
  "args",
  "command",
  "annotations",
  "httpHeaders"
])

/** What the text of a value contains that has a name in it under which secrets are kept. */
const mayHoldSecret = anyCase(
  `env|token|secret|passw|pwd|credential|(api|access|private|signing)[_-]?key|(?:${secretWord}|${doubtfulWord})(?:["'\\\\]{0,3}\\s{0,4}[=:]["'\\\\\\s]|["'\\\\]{0,3}=)`
)

/** What looks like a secret whatever its name: the beginnings of tokens and keys, and the user of an address. */
const looksSecret =
  /\b(gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AKIA|ASIA|AIza|eyJ|sk[-_]|rk_live)|-----BEGIN|\b(basic|bearer) |:\/\/[^/\s]*@/i

/** Whether a value, or anything in it, has a name under which secrets are kept. */
const holdsConfidential = (value: unknown): boolean =>
  typeof value === "object"
  && value !== null
  && Object.entries(value).some(
    ([name, each]) =>
      (!Array.isArray(value) && (confidential.has(name) || isSecretValue(name, each))) || holdsConfidential(each)
  )

/** The name of a field without what says whose it is. Of the items of lists, only the last name what is in them. */
const namesIn = (path: FieldPath.FieldPath): ReadonlyArray<string> =>
  path
    .filter((token, index) => typeof token === "string" || index >= path.length - 2)
    .map((token) => (typeof token === "string" ? token : token.value))
    .map((name) => name.slice(name.lastIndexOf("/") + 1))

/** Whether a field, or what it is in, has a name under which secrets are kept: `spec.adminPassword.value`. */
const isBeneathSecretName = (path: FieldPath.FieldPath, value: unknown): boolean => {
  const names = namesIn(path)
  return names.some(
    (name, index) =>
      !isReferring(name)
      && name !== "imagePullSecrets"
      && isSecretValue(name, value)
      && (index === names.length - 1 ? typeof value !== "boolean" : isHeldBy(name, names.slice(index + 1), value))
  )
}

const longest = 80

/** A value of an object of this kind for people. One that may be a secret, or that is long, is shown by its digest. */
export const shown = (kind: string, path: FieldPath.FieldPath, value: unknown): string => {
  if (value === undefined) return "none"
  const text = JSON.stringify(ordered(value)) ?? "none"
  const isNamedSecret = isSecretKind(kind) || isBeneathSecretName(path, value)
  // A digest of a number would be found by trying all of them.
  if (isNamedSecret && (typeof value === "number" || typeof value === "boolean")) return `a ${typeof value}`
  const isOpen = !path.some((token) => typeof token === "string" && confidential.has(token))
  const plain = typeof value === "string" ? value : text
  return typeof value === "boolean"
    || typeof value === "number"
    || (isOpen
      && !isNamedSecret
      && plain.length <= longest
      && !mayHoldSecret.test(text)
      && !looksSecret.test(text)
      && !holdsConfidential(value))
    ? plain
    : `sha256:${hash("sha256", text).slice(0, 8)}`
}
