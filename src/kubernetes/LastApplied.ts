/**
 * What the next `kubectl apply` does to a change that somebody else makes to an object. Pure.
 *
 * `kubectl apply` keeps the manifest that it applied last in an annotation, and merges three ways: a field that the
 * manifest states is set to what it states, and a field is removed only if the last manifest stated it and the new one
 * does not. A change that nobody made in the manifest is therefore either put back, or never removed again
 * (kubernetes#94698). With `--server-side` there is no annotation; the next apply reports a conflict instead.
 */

import { displayName, type ResourceRef } from "../domain/Target.ts"
import { contains } from "./Contains.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { sameJson } from "./SameJson.ts"

/** The annotation in which `kubectl apply` keeps the manifest that it applied last. */
export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The spec of the manifest that was applied last; `undefined` if the object is not managed so. */
const statedSpec = ({ metadata: { annotations } }: KubernetesObject): Fields | undefined => {
  const text = annotations?.[lastAppliedAnnotation]
  if (text === undefined) return undefined
  try {
    const manifest = JSON.parse(text) as unknown
    return isFields(manifest) && isFields(manifest["spec"]) ? manifest["spec"] : {}
  } catch {
    return undefined
  }
}

interface Effects {
  /** The fields that the next apply sets to what the manifest states. */
  readonly putBack: Array<string>
  /** The fields that no apply removes, because no manifest states them. */
  readonly kept: Array<string>
}

/** The items of a list by their names, as kubectl merges them; `undefined` for a list whose items have none. */
const byName = (value: unknown): Fields | undefined => {
  if (value === undefined) return {}
  return Array.isArray(value) && value.every((item) => isFields(item) && typeof item["name"] === "string")
    ? Object.fromEntries(value.map((item: Fields) => [`[${String(item["name"])}]`, item]))
    : undefined
}

const joined = (path: string, key: string): string => (key.startsWith("[") ? `${path}${key}` : `${path}.${key}`)

/** Compares one field of the manifest with the object before and after the change. */
const compare = (path: string, stated: unknown, before: unknown, after: unknown, effects: Effects): void => {
  if (sameJson(before, after)) return
  if (stated === undefined) {
    if (before === undefined) effects.kept.push(path)
    else if (isFields(before) && isFields(after)) each(path, {}, before, after, effects)
    return
  }
  const [manifest, old, now] = [byName(stated), byName(before), byName(after)]
  if (Array.isArray(stated) && manifest !== undefined && old !== undefined && now !== undefined)
    return each(path, manifest, old, now, effects)
  if (isFields(stated) && isFields(after) && (before === undefined || isFields(before)))
    return each(path, stated, (before ?? {}) as Fields, after, effects)
  if (!contains(after, stated)) effects.putBack.push(path)
}

const each = (path: string, stated: Fields, before: Fields, after: Fields, effects: Effects): void => {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    compare(joined(path, key), stated[key], before[key], after[key], effects)
}

const most = 4

const listed = (paths: ReadonlyArray<string>): string =>
  paths.length > most ? `${paths.slice(0, most).join(", ")} and ${paths.length - most} more` : paths.join(", ")

interface ManagedEntry {
  readonly manager?: string
  readonly operation?: string
  readonly fieldsV1?: Fields
}

/** Who applies the spec of the object on the server side with kubectl; `undefined` if nobody does. */
const serverSideApplier = ({ metadata: { managedFields = [] } }: KubernetesObject): string | undefined =>
  (managedFields as ReadonlyArray<ManagedEntry>).find(
    ({ fieldsV1 = {}, manager, operation }) =>
      operation === "Apply" && manager?.startsWith("kubectl") === true && "f:spec" in fieldsV1
  )?.manager

/** One sentence on what the next `kubectl apply` does about a change of an object; `undefined` if it matters to none. */
export const nextApply = (ref: ResourceRef, before: KubernetesObject, after: KubernetesObject): string | undefined => {
  const name = displayName(ref)
  const stated = statedSpec(before)
  if (stated === undefined) {
    const applier = serverSideApplier(before)
    return applier === undefined || sameJson(before["spec"], after["spec"])
      ? undefined
      : `${name} is applied with kubectl on the server side, so the next apply of its manifest reports a conflict about what Kubernaut wrote, or overwrites it: make the lasting change in the manifest.`
  }
  const effects: Effects = { putBack: [], kept: [] }
  compare("spec", stated, before["spec"], after["spec"], effects)
  const { kept, putBack } = effects
  if (putBack.length === 0 && kept.length === 0) return undefined
  const what = [
    ...(putBack.length === 0 ? [] : [`sets ${listed(putBack)} to what the present manifest states`]),
    ...(kept.length === 0 ? [] : [`leaves ${listed(kept)}, which it does not state`])
  ].join(" and ")
  return `${name} is managed with kubectl apply, and the next apply ${what}: make the lasting change in the manifest.`
}
