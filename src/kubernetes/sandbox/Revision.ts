/** How the revisions of a pod template are identified: by a hash of its content, and by a number. */

import type { Deployment, PodTemplate, ReplicaSet } from "../ObjectModel.ts"

/** The annotation of a Deployment and its ReplicaSets that holds the number of the revision. */
export const revisionAnnotation = "deployment.kubernetes.io/revision"

/** Returns the same text for two values with the same content, regardless of the order of their keys. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  const object = value as Record<string, unknown>
  return `{${Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort()
    .map((key) => `${key}:${canonical(object[key])}`)
    .join(",")}}`
}

const alphabet = "bcdfghjklmnpqrstvwxz2456789"
const hashes = new WeakMap<object, string>()

/** The hash of a template, in the characters that Kubernetes uses. Templates with the same content share it. */
export const templateHash = (template: PodTemplate): string => {
  const known = hashes.get(template)
  if (known !== undefined) return known
  let hash = 0x811c9dc5
  for (const char of canonical(template)) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0
  let text = ""
  for (let i = 0; i < 9; i++) {
    text += alphabet[hash % alphabet.length]
    hash = Math.imul(hash ^ (hash >>> 13) ^ i, 0x5bd1e995) >>> 0
  }
  hashes.set(template, text)
  return text
}

/** The number of an object's revision; 0 before it has one. */
export const revisionOf = (object: Deployment | ReplicaSet): number =>
  Number(object.metadata.annotations?.[revisionAnnotation] ?? "0")
