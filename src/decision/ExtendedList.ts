/**
 * Lists that extend their defaults. An entry adds to the defaults; `!entry` removes a default. So a list that protects
 * one more namespace never takes the protection of another one away.
 */

import { Schema, SchemaTransformation } from "effect"

const isRemoval = (entry: string): boolean => entry.startsWith("!")

/**
 * The list in force, followed by the removals, so that extending it again changes nothing.
 *
 * ```ts
 * import { extended } from "./ExtendedList.ts"
 *
 * extended(["kube-system", "kubernaut"], ["payments"]) // => ["kube-system", "kubernaut", "payments"]
 * extended(["kube-system", "kubernaut"], ["!kube-system"]) // => ["kubernaut", "!kube-system"]
 * ```
 */
export const extended = <A extends string>(defaults: ReadonlyArray<A>, entries: ReadonlyArray<A>): ReadonlyArray<A> => {
  const removals = entries.filter(isRemoval)
  const removed = new Set(removals.map((entry) => entry.slice(1)))
  const kept = [...defaults, ...entries].filter((entry) => !isRemoval(entry) && !removed.has(entry))
  return [...new Set([...kept, ...removals])]
}

/** The defaults that a list removes. */
export const removedFrom = (defaults: ReadonlyArray<string>, entries: ReadonlyArray<string>): ReadonlyArray<string> =>
  defaults.filter((name) => entries.includes(`!${name}`))

/** Why the entries are wrong: a removal that removes nothing is a mistake in its name. */
const problemOf = (defaults: ReadonlyArray<string>) => (entries: ReadonlyArray<string>) => {
  const useless = entries.find((entry) => isRemoval(entry) && !defaults.includes(entry.slice(1)))
  return useless === undefined ? undefined : `${useless} removes nothing. The defaults are ${defaults.join(", ")}`
}

/** A list that is decoded to the list in force. */
export const extendedList = <A extends string>(defaults: ReadonlyArray<A>, entry: Schema.Codec<A, A>) => {
  const list = Schema.Array(entry).check(Schema.makeFilter(problemOf(defaults)))
  return list.pipe(
    Schema.decodeTo(
      list,
      SchemaTransformation.transform({
        decode: (entries) => extended(defaults, entries),
        encode: (entries) => entries
      })
    )
  )
}
