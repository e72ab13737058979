/**
 * Turns edits of one Kubernetes object into a JSON Patch (RFC 6902) and the patch that undoes them.
 *
 * An edit names its path as a list of keys, so callers do not escape anything. If parents of the path are missing, the
 * patch adds the topmost missing one with everything beneath it, and the inverse removes it again, so that an absent
 * field is absent afterwards, not empty.
 *
 * Every patch starts with the resourceVersion that it was made for, so the API server refuses it (409) once the object
 * has changed. It also sets Kubernaut's annotations, which show a read-back after a crash that the write arrived. The
 * inverse has no resourceVersion, because it is used later, and no annotations, because they name the last writer.
 * Apart from those annotations the inverse restores the object exactly.
 */

import { JsonPointer, type Schema } from "effect"
import type { Change, PatchOperation } from "../domain/Change.ts"
import type { ResourceRef } from "../domain/Target.ts"
import type { KubernetesObject } from "../kubernetes/KubernetesClient.ts"
import { specDigest } from "../kubernetes/SpecDigest.ts"

/** Names the execution that last wrote the object. */
export const executionAnnotation = "kubernaut.dev/execution"
/** Names the remediation of that execution. */
const remediationAnnotation = "kubernaut.dev/remediation"
/** Names the epoch of the activation that made the write. */
const epochAnnotation = "kubernaut.dev/epoch"

/** Identifies the writer. */
export interface Signature {
  readonly executionId: string
  readonly remediationId: string
  readonly epoch: number
}

/** The annotations by which a signature is recognized. */
export const signatureOf = ({ epoch, executionId, remediationId }: Signature): Readonly<Record<string, string>> => ({
  [executionAnnotation]: executionId,
  [remediationAnnotation]: remediationId,
  [epochAnnotation]: String(epoch)
})

/** Whether an annotation is one of those that every write of ours sets. */
export const isSignature = (name: string): boolean =>
  name === executionAnnotation || name === remediationAnnotation || name === epochAnnotation

export type Path = ReadonlyArray<string | number>

export type Edit =
  | { readonly _tag: "Set"; readonly path: Path; readonly value: unknown }
  | { readonly _tag: "Unset"; readonly path: Path }
  /** Puts an item into a list, before the one that is there. */
  | { readonly _tag: "Insert"; readonly path: Path; readonly value: unknown }

export const set = (path: Path, value: unknown): Edit => ({ _tag: "Set", path, value })
export const unset = (path: Path): Edit => ({ _tag: "Unset", path })

/** The edits as a change, and the change that undoes them. */
export interface Patched {
  readonly change: Change
  readonly inverse: Change
}

export const pointer = (path: Path): string =>
  path.map((token) => `/${JsonPointer.escapeToken(String(token))}`).join("")

/** The value at a path; `undefined` if there is none. */
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
  if (rest.length === 0 && leaf === undefined) {
    if (Array.isArray(copy)) copy.splice(Number(token), 1)
    else delete copy[token]
  } else copy[token] = withValueAt(copy[token], rest, leaf)
  return copy
}

/** The object after an edit. */
export const edited = (object: unknown, edit: Edit): unknown => {
  switch (edit._tag) {
    case "Set":
      return withValueAt(object, edit.path, { value: edit.value })
    case "Unset":
      return withValueAt(object, edit.path, undefined)
    case "Insert": {
      const parent = edit.path.slice(0, -1)
      const list = valueAt(object, parent) as ReadonlyArray<unknown>
      return withValueAt(object, parent, { value: list.toSpliced(Number(edit.path.at(-1)), 0, edit.value) })
    }
  }
}

// A Kubernetes object comes from JSON.parse, so its parts are JSON.
const json = (value: unknown): Schema.Json => value as Schema.Json

interface Step {
  readonly forward: PatchOperation
  readonly back: PatchOperation
}

const step = (object: unknown, edit: Edit): Step | undefined => {
  const before = valueAt(object, edit.path)
  const path = pointer(edit.path)
  if (edit._tag === "Insert")
    return { forward: { op: "add", path, value: json(edit.value) }, back: { op: "remove", path } }
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
  // Add the topmost missing parent with everything beneath it.
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
    current = edited(current, edit)
  }
  return { forward, back }
}

export const refOf = (object: KubernetesObject): ResourceRef => ({
  namespace: object.metadata.namespace ?? "",
  kind: object.kind,
  name: object.metadata.name
})

/** The patch that makes the edits on exactly this version of the object and signs them, with its inverse. */
export const patch = (object: KubernetesObject, edits: ReadonlyArray<Edit>, signature: Signature): Patched => {
  const ref = refOf(object)
  const requested = operations(object, edits)
  const signed = operations(
    edits.reduce<unknown>(edited, object),
    Object.entries(signatureOf(signature)).map(([name, value]) => set(["metadata", "annotations", name], value))
  )
  const version: PatchOperation = {
    op: "replace",
    path: "/metadata/resourceVersion",
    value: object.metadata.resourceVersion
  }
  return {
    change: { _tag: "Patch", ref, patch: [version, ...requested.forward, ...signed.forward] },
    inverse: { _tag: "Patch", ref, patch: requested.back }
  }
}

/** A digest of what a removal removes. */
export const removedSpec = (object: KubernetesObject): string => specDigest(object) ?? "none"

/** The removal of exactly this object, as long as nobody changes what it is meant to be. */
export const removal = (object: KubernetesObject): Change => ({
  _tag: "Delete",
  ref: refOf(object),
  uid: object.metadata.uid,
  spec: removedSpec(object)
})

/** The resourceVersion that a patch was made for; `undefined` if it names none. */
export const plannedVersion = (change: Change): string | undefined => {
  const [first] = change._tag === "Patch" ? change.patch : []
  return first?.op === "replace" && first.path === "/metadata/resourceVersion" && typeof first.value === "string"
    ? first.value
    : undefined
}
