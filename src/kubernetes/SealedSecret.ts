/**
 * A Secret without its values: which keys it has, and whether the value of a key has changed.
 *
 * Each value becomes a keyed digest. The key is random, is made at the start of the process, and never leaves this
 * file, so a digest says nothing about a value, and those of two processes cannot be compared. The values of
 * annotations are sealed too: `kubectl apply` keeps a whole manifest in one.
 */

import { createHmac, generateKeySync } from "node:crypto"
import type { KubernetesObject } from "./KubernetesClient.ts"

const key = generateKeySync("hmac", { length: 256 })

const digest = (value: unknown): string =>
  createHmac("sha256", key).update(String(value)).digest("base64url").slice(0, 22)

type Values = Readonly<Record<string, unknown>>

const sealed = (values: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries((values ?? {}) as Values).map(([name, value]) => [name, digest(value)]))

/** The Secret with a digest instead of each value. Any other object is returned as it is. */
export const seal = (object: KubernetesObject): KubernetesObject => {
  if (object.kind !== "Secret") return object
  const { apiVersion, kind, metadata } = object
  const { immutable, type } = object as { readonly immutable?: boolean; readonly type?: string }
  return {
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      ...(metadata.annotations === undefined ? {} : { annotations: sealed(metadata.annotations) })
    },
    ...(type === undefined ? {} : { type }),
    ...(immutable === undefined ? {} : { immutable }),
    data: sealed(object["data"])
  }
}
