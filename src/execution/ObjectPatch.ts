/**
 * Edits of one Kubernetes object as a JSON Patch (RFC 6902), together with the patch that takes them back.
 *
 * An edit names a path of keys, so no caller escapes anything. Where parents are missing, the topmost missing one is
 * added whole and the inverse removes it whole, so that an absent field is absent again afterwards, not empty.
 *
 * Every patch begins with the version of the object that it was made for, so the API server refuses it (409) if anybody
 * has changed the object since, and it leaves Kubernaut's annotations, by which a read-back after a crash tells whether
 * it went through. The inverse has neither: the version is that of the moment at which it is used, and the annotations
 * say who was here last. Apart from those annotations the inverse puts back exactly what was there.
 */

import { JsonPointer, type Schema } from "effect"
import type { Change, PatchOperation } from "../domain/Change.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"

/** The annotation that says which execution wrote an object last. */
export const executionAnnotation = "kubernaut.dev/execution"
/** The annotation that says for which remediation. */
export const remediationAnnotation = "kubernaut.dev/remediation"
/** The annotation that says by which activation of the target's actor. */
export const epochAnnotation = "kubernaut.dev/epoch"

/** Who writes. */
export interface Signature {
  readonly executionId: string
  readonly remediationId: string
  readonly epoch: number
}

export type Path = ReadonlyArray<string | number>

export type Edit =
  | { readonly _tag: "Set"; readonly path: Path; readonly value: unknown }
  | { readonly _tag: "Unset"; readonly path: Path }

export const set = (path: Path, value: unknown): Edit => ({ _tag: "Set", path, value })
export const unset = (path: Path): Edit => ({ _tag: "Unset", path })

/** The edits as a change and as the change that takes them back. */
export interface Patched {
  readonly change: Change
  readonly inverse: Change
}

export const pointer = (path: Path): string =>
  path.map((token) => `/${JsonPointer.escapeToken(String(token))}`).join("")

/** The value at a path, `undefined` where there is none. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (parent, token) =>
      typeof parent === "object" && parent !== null ? (parent as Record<string, unknown>)[token] : undefined,
    value
  )

/** A copy of `value` with one path set or removed. */
const withValueAt = (value: unknown, path: Path, leaf: { readonly value: unknown } | undefined): unknown => {
  const [token, ...rest] = path
  if (token === undefined) return leaf?.value
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as never)
    : { ...(value as object | undefined) }
  if (rest.length === 0 && leaf === undefined) delete copy[token]
  else copy[token] = withValueAt(copy[token], rest, leaf)
  return copy
}

// A Kubernetes object is what JSON.parse made, so whatever is taken from it is JSON.
const json = (value: unknown): Schema.Json => value as Schema.Json

interface Step {
  readonly forward: PatchOperation
  readonly back: PatchOperation
}

const step = (object: unknown, edit: Edit): Step | undefined => {
  const before = valueAt(object, edit.path)
  const path = pointer(edit.path)
  if (edit._tag === "Unset") {
    return before === undefined
      ? undefined
      : { forward: { op: "remove", path }, back: { op: "add", path, value: json(before) } }
  }
  if (before !== undefined) {
    return {
      forward: { op: "replace", path, value: json(edit.value) },
      back: { op: "replace", path, value: json(before) }
    }
  }
  // The first parent that is missing is added with everything beneath it.
  let depth = 1
  while (depth < edit.path.length && valueAt(object, edit.path.slice(0, depth)) !== undefined) depth++
  const top = pointer(edit.path.slice(0, depth))
  return {
    forward: {
      op: "add",
      path: top,
      value: json(withValueAt(undefined, edit.path.slice(depth), { value: edit.value }))
    },
    back: { op: "remove", path: top }
  }
}

const operations = (object: unknown, edits: ReadonlyArray<Edit>) => {
  const forward: Array<PatchOperation> = []
  const back: Array<PatchOperation> = []
  let current = object
  for (const edit of edits) {
    const made = step(current, edit)
    if (made === undefined) continue
    forward.push(made.forward)
    back.unshift(made.back)
    current = withValueAt(current, edit.path, edit._tag === "Set" ? { value: edit.value } : undefined)
  }
  return { forward, back }
}

export const refOf = (object: KubernetesObject): ResourceRef => ({
  namespace: object.metadata.namespace ?? "",
  kind: object.kind,
  name: object.metadata.name
})

/** The patch that makes the edits on exactly this version of the object and signs them, and its inverse. */
export const patch = (object: KubernetesObject, edits: ReadonlyArray<Edit>, signature: Signature): Patched => {
  const ref = refOf(object)
  const asked = operations(object, edits)
  const edited = edits.reduce<unknown>(
    (current, edit) => withValueAt(current, edit.path, edit._tag === "Set" ? { value: edit.value } : undefined),
    object
  )
  const annotation = (name: string, value: string): Edit => set(["metadata", "annotations", name], value)
  const signed = operations(edited, [
    annotation(executionAnnotation, signature.executionId),
    annotation(remediationAnnotation, signature.remediationId),
    annotation(epochAnnotation, String(signature.epoch))
  ])
  const version: PatchOperation = {
    op: "replace",
    path: "/metadata/resourceVersion",
    value: object.metadata.resourceVersion
  }
  return {
    change: { _tag: "Patch", ref, patch: [version, ...asked.forward, ...signed.forward] },
    inverse: { _tag: "Patch", ref, patch: asked.back }
  }
}

/** The version that a patch was made for; `undefined` where it names none. */
export const plannedVersion = (change: Change): string | undefined => {
  const [first] = change._tag === "Patch" ? change.patch : []
  return first?.op === "replace" && first.path === "/metadata/resourceVersion" && typeof first.value === "string"
    ? first.value
    : undefined
}

/** Whether two JSON values are the same; an absent field and an undefined one are. */
export const sameJson = (left: unknown, right: unknown): boolean => {
  if (left === right) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const keys = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...keys].every((key) =>
    sameJson((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key])
  )
}
