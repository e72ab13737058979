/**
 * The path of a field in a Kubernetes object, and the fields in which two values differ.
 *
 * A token is the name of a field, or an item of a list that is found by one of its own fields, such as the container
 * whose `name` is `app`. An index would name another item as soon as somebody inserts one. A list whose items have no
 * such field is one value: it differs as a whole.
 *
 * | items of              | are found by |
 * | --------------------- | ------------ |
 * | everything with names | `name`       |
 * | `volumeMounts`        | `mountPath`  |
 * | `hostAliases`         | `ip`         |
 *
 * A path can be shown to people, and becomes a JSON Pointer (RFC 6901) only for one given object.
 */

import { JsonPointer, Schema } from "effect"

/** The item of a list whose field `by` is `value`. */
const Item = Schema.Struct({ by: Schema.NonEmptyString, value: Schema.String })

/** One step of a path: the name of a field, or an item of a list. */
export const PathToken = Schema.Union([Schema.String, Item])
export type PathToken = typeof PathToken.Type

/** The path of a field, from the root of the object. */
export const FieldPath = Schema.Array(PathToken)
export type FieldPath = typeof FieldPath.Type

/** One field that differs between two states of an object. An absent value means that the field did not exist. */
export const FieldDifference = Schema.Struct({
  path: FieldPath,
  before: Schema.optionalKey(Schema.Json),
  after: Schema.optionalKey(Schema.Json),
  /** For an item that is gone from its list: where it was. */
  at: Schema.optionalKey(Schema.Int)
})
export type FieldDifference = typeof FieldDifference.Type

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The fields by which the items of a list may be found, in the order in which they are tried. */
const keys = ["name", "mountPath", "ip"] as const

/** The field that tells the items of both lists apart; `undefined` if there is none. */
const keyOf = (lists: ReadonlyArray<ReadonlyArray<unknown>>): string | undefined =>
  keys.find((key) =>
    lists.every((list) => {
      const values = list.map((item) => (isFields(item) ? item[key] : undefined))
      return values.every((value) => typeof value === "string") && new Set(values).size === values.length
    })
  )

const isPlain = (token: string): boolean => /^[A-Za-z_][\w-]*$/.test(token)

/**
 * The path for people, such as `spec.template.spec.containers[app].image` or `metadata.labels["app/tier"]`.
 *
 * ```ts
 * import { FieldPath } from "kubernaut"
 *
 * FieldPath.display(["spec", "containers", { by: "name", value: "app" }, "image"]) // => "spec.containers[app].image"
 * ```
 */
export const display = (path: FieldPath): string =>
  path.reduce<string>(
    (text, token) =>
      typeof token !== "string"
        ? `${text}[${token.value}]`
        : isPlain(token)
          ? `${text}${text === "" ? "" : "."}${token}`
          : `${text}["${token}"]`,
    ""
  )

const indexOf = (list: ReadonlyArray<unknown>, { by, value }: typeof Item.Type): number =>
  list.findIndex((item) => isFields(item) && item[by] === value)

/** The value at a path; `undefined` if there is none. */
export const valueAt = (object: unknown, path: FieldPath): unknown =>
  path.reduce<unknown>((value, token) => {
    if (typeof token === "string") return isFields(value) && Object.hasOwn(value, token) ? value[token] : undefined
    return Array.isArray(value) ? value[indexOf(value, token)] : undefined
  }, object)

/**
 * The steps of a path in one object: names and indexes. The last step of an item that does not exist yet is the end of
 * its list. `undefined` if the object has no such parent.
 */
export const stepsIn = (object: unknown, path: FieldPath): ReadonlyArray<string | number> | undefined => {
  const steps: Array<string | number> = []
  let value: unknown = object
  for (const [position, token] of path.entries()) {
    if (typeof token === "string") {
      steps.push(token)
      value = isFields(value) && Object.hasOwn(value, token) ? value[token] : undefined
      continue
    }
    if (!Array.isArray(value)) return undefined
    const index = indexOf(value, token)
    if (index === -1 && position < path.length - 1) return undefined
    steps.push(index === -1 ? value.length : index)
    value = value[index]
  }
  return steps
}

/** The JSON Pointer of a path in one object; `undefined` if the object has no such parent. */
export const pointerIn = (object: unknown, path: FieldPath): string | undefined =>
  stepsIn(object, path)
    ?.map((step) => `/${JsonPointer.escapeToken(String(step))}`)
    .join("")

const sameJson = (left: unknown, right: unknown): boolean => {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => sameJson(item, right[index]))
  if (isFields(left) && isFields(right)) {
    const names = Object.keys(left)
    return (
      names.length === Object.keys(right).length
      && names.every((name) => Object.hasOwn(right, name) && sameJson(left[name], right[name]))
    )
  }
  return left === right
}

const difference = (path: FieldPath, before: unknown, after: unknown): FieldDifference => ({
  path,
  ...(before === undefined ? {} : { before: before as Schema.Json }),
  ...(after === undefined ? {} : { after: after as Schema.Json })
})

/** The places of the items of a list, by the field that tells them apart. */
const placesOf = (list: ReadonlyArray<unknown>, by: string): ReadonlyMap<string, number> =>
  new Map(list.map((item, index) => [(item as Record<string, string>)[by]!, index]))

/** The lists whose order means nothing. */
const unordered: ReadonlySet<unknown> = new Set(["containers", "volumes", "volumeMounts", "ports", "imagePullSecrets"])

/** Whether the items that are in both lists follow each other in the same order. */
const inSameOrder = (before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean => {
  const kept = [...before.keys()].flatMap((name) => after.get(name) ?? [])
  return kept.every((place, index) => index === 0 || place > kept[index - 1]!)
}

/**
 * The innermost fields in which two states of an object differ. Restoring every `before` on the newer state yields the
 * older one, but for the order of items where it means nothing, as of containers and volumes. Where it may mean
 * something, as of init containers, a list in another order differs as a whole.
 */
export const differences = (before: unknown, after: unknown, path: FieldPath = []): ReadonlyArray<FieldDifference> => {
  if (sameJson(before, after)) return []
  if (isFields(before) && isFields(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) =>
      differences(
        Object.hasOwn(before, name) ? before[name] : undefined,
        Object.hasOwn(after, name) ? after[name] : undefined,
        [...path, name]
      )
    )
  if (Array.isArray(before) && Array.isArray(after) && before.length > 0 && after.length > 0) {
    const by = keyOf([before, after])
    if (by !== undefined) {
      const [old, now] = [placesOf(before, by), placesOf(after, by)]
      const found = [...new Set([...old.keys(), ...now.keys()])].flatMap((value) => {
        const at = old.get(value) ?? -1
        const item = differences(before[at], after[now.get(value) ?? -1], [...path, { by, value }])
        return now.has(value) ? item : item.map((each) => ({ ...each, at }))
      })
      // The same items in another order: only the order differs.
      if (found.length > 0 && (unordered.has(path.at(-1)) || inSameOrder(old, now))) return found
    }
  }
  return [difference(path, before, after)]
}
