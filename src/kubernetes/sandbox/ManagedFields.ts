/**
 * `metadata.managedFields`: who wrote which fields, and when.
 *
 * As on a real API server, a write takes the fields that it changes from their earlier managers, and a removal leaves
 * no trace but that. What existed before the first write has a manager without fields.
 */

import { differences, type FieldPath, type PathToken } from "../../domain/FieldPath.ts"
import type { KubernetesObject } from "../KubernetesClient.ts"

type Entry = NonNullable<KubernetesObject["metadata"]["managedFields"]>[number]
type FieldSet = { readonly [step: string]: FieldSet }

/** Who writes, when, and to which subresource. */
export interface Write {
  readonly manager: string
  /** Whole seconds. */
  readonly time: string
  readonly subresource?: string
}

const stepOf = (token: PathToken): string =>
  typeof token === "string" ? `f:${token}` : `k:${JSON.stringify({ [token.by]: token.value })}`

const union = (left: FieldSet, right: FieldSet): FieldSet => {
  const merged: Record<string, FieldSet> = { ...left }
  for (const [step, set] of Object.entries(right)) merged[step] = union(merged[step] ?? {}, set)
  return merged
}

const setOf = (path: FieldPath): FieldSet =>
  path.reduceRight<FieldSet>((inner, token) => ({ [stepOf(token)]: inner }), {})

/** The set without a path and what is beneath it. A set that becomes empty goes with it. */
const without = (set: FieldSet, [token, ...rest]: FieldPath): FieldSet | undefined => {
  if (token === undefined) return undefined
  const step = stepOf(token)
  const inner = set[step]
  if (inner === undefined) return set
  const { [step]: _, ...others } = set
  const left = rest.length > 0 && Object.keys(inner).length === 0 ? inner : without(inner, rest)
  if (left !== undefined) return { ...others, [step]: left }
  return Object.keys(others).length === 0 ? undefined : others
}

/** What clients write: no status, and no bookkeeping of the API server. */
const meant = (object: KubernetesObject): unknown => ({
  ...object,
  status: undefined,
  metadata: { labels: object.metadata.labels ?? {}, annotations: object.metadata.annotations ?? {} }
})

const isOf = (entry: Entry, { manager, subresource }: Write): boolean =>
  entry.manager === manager && entry.subresource === subresource

/** What is left to a manager when somebody has written these fields; `undefined`: nothing. */
const remaining = (entry: Entry, written: ReadonlyArray<FieldPath>): Entry | undefined => {
  if (entry.fieldsV1 === undefined) return entry
  const fieldsV1 = written.reduce<FieldSet | undefined>(
    (set, path) => (set === undefined ? undefined : without(set, path)),
    entry.fieldsV1 as FieldSet
  )
  return fieldsV1 === undefined ? undefined : { ...entry, fieldsV1 }
}

/** The managers of an object after a write that made `next` of `previous`. */
export const afterWrite = (next: KubernetesObject, previous: KubernetesObject, write: Write): ReadonlyArray<Entry> => {
  const changed = differences(meant(previous), meant(next))
  const paths = changed.map(({ path }) => path)
  const added = changed.flatMap(({ after, path }) => (after === undefined ? [] : [setOf(path)])).reduce(union, {})
  const withAdded = (entry: Entry | undefined): Entry => {
    const fieldsV1 = union((entry?.fieldsV1 ?? {}) as FieldSet, added)
    return { ...write, ...(Object.keys(fieldsV1).length === 0 ? {} : { fieldsV1 }) }
  }
  const entries = previous.metadata.managedFields ?? []
  const left = entries.flatMap((entry) => {
    const rest = remaining(entry, paths)
    return isOf(entry, write) ? [withAdded(rest)] : (rest ?? [])
  })
  return entries.some((entry) => isOf(entry, write)) ? left : [...left, withAdded(undefined)]
}
