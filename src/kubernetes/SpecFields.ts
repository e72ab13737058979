/**
 * Which fields of a spec differ, by their paths: `spec.replicas`, `spec.template.spec.containers[app].image`.
 *
 * A digest for each field is journaled where a person may later have to be told what somebody else has changed. The
 * values themselves may be secrets. Items of a list that have a name are found by it, because admission reorders them.
 */

import { hash } from "node:crypto"
import * as Quantity from "../domain/Quantity.ts"
import type { KubernetesObject } from "./KubernetesClient.ts"
import { sameJson } from "./SameJson.ts"
import { meantOf, ordered } from "./SpecDigest.ts"

type Json = Readonly<Record<string, unknown>>

/** Deep enough to tell the fields of a container apart, and not the variables of its environment. */
const depthOfDigests = 6

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const isNamed = (value: unknown): value is { readonly name: string } =>
  isRecord(value) && typeof value["name"] === "string"

/** The parts of a value with their paths; `undefined` if it has none. */
const partsOf = (value: unknown, path: string): ReadonlyArray<readonly [path: string, value: unknown]> | undefined => {
  if (Array.isArray(value))
    return value.length > 0 && value.every(isNamed) ? value.map((item) => [`${path}[${item.name}]`, item]) : undefined
  return isRecord(value) && Object.keys(value).length > 0
    ? Object.entries(value).map(([key, each]) => [`${path}.${key}`, each])
    : undefined
}

const leavesOf = (value: unknown, path: string, depth: number): ReadonlyArray<readonly [string, unknown]> => {
  const parts = depth > 1 ? partsOf(value, path) : undefined
  return parts === undefined
    ? value === undefined
      ? []
      : [[path, value]]
    : parts.flatMap(([part, each]) => leavesOf(each, part, depth - 1))
}

const digestOf = (value: unknown): string => hash("sha256", JSON.stringify(ordered(value)) ?? "").slice(0, 8)

/** A digest for each field of the spec, without what controllers write: see `SpecDigest`. */
export const specFields = (object: KubernetesObject, autoscaled: boolean): Readonly<Record<string, string>> => {
  const meant = meantOf(object, autoscaled)
  const leaves =
    object["spec"] === undefined
      ? Object.entries(meant ?? {}).flatMap(([field, value]) => leavesOf(value, field, depthOfDigests - 1))
      : leavesOf(meant, "spec", depthOfDigests)
  return Object.fromEntries(leaves.map(([path, value]) => [path, digestOf(value)]))
}

/** The fields that differ from those of an earlier state. */
export const changedFields = (
  before: Readonly<Record<string, string>>,
  object: KubernetesObject,
  autoscaled: boolean
): ReadonlyArray<string> => {
  const now = specFields(object, autoscaled)
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((path) => before[path] !== now[path]).sort()
}

/** The innermost fields in which two values at `path` differ. A quantity in another form is the same. */
export const differingFields = (left: unknown, right: unknown, path: string): ReadonlyArray<string> => {
  if (sameValue(left, right)) return []
  const [before, after] = [partsOf(left, path), partsOf(right, path)]
  if (before === undefined || after === undefined) return [path]
  const [old, now] = [new Map(before), new Map(after)]
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((part) =>
    differingFields(old.get(part), now.get(part), part)
  )
}

/** Whether two values mean the same. A quantity may return in another form (`1024Mi` as `1Gi`). */
export const sameValue = (left: unknown, right: unknown): boolean => {
  if (sameJson(left, right)) return true
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((item, index) => sameValue(item, right[index]))
  if (isRecord(left) && isRecord(right))
    return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((key) => sameValue(left[key], right[key]))
  if (typeof left !== "string" || typeof right !== "string") return false
  const quantity = Quantity.parse(left)
  return quantity !== undefined && quantity === Quantity.parse(right)
}
