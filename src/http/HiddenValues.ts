/**
 * Hides the secrets in the writes of a remediation. A plan journals what it has to write: a pod template with the
 * values of its environment, a field of a ConfigMap with its value before and after, an object that is created again. A
 * person who may read remediations may not see these. Of a Secret, and of a custom kind like it, no value is shown.
 */

import type { Schema } from "effect"
import type { FieldDifference } from "../domain/FieldPath.ts"
import { isSecretKind } from "../domain/SecretNames.ts"
import { hidden, hiddenDifference } from "../investigation/evidence/HiddenFields.ts"
import { mark } from "../investigation/evidence/SecretShapes.ts"

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const isIndex = (token: string): boolean => /^(\d+|-)$/.test(token)

/**
 * The value of a patch, hidden by its whole path. The path has the positions of items and not their names, so of a
 * variable and of a single argument any value may be a secret.
 */
const hideInOperation = (kind: string, operation: unknown): unknown => {
  if (!isRecord(operation) || !("value" in operation)) return operation
  const tokens = String(operation["path"])
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
  const [last = "", parent = "", above = ""] = tokens.toReversed()
  const isVariable = last === "value" && isIndex(parent) && (above === "env" || above === "httpHeaders")
  const isArgument = isIndex(last) && (parent === "args" || parent === "command")
  if (isSecretKind(kind) || isVariable || isArgument || tokens[0] === "binaryData")
    return { ...operation, value: mark("value") }
  const path = tokens.filter((token) => !isIndex(token))
  const { after } = hiddenDifference(kind, { path, after: operation["value"] as Schema.Json })
  return { ...operation, value: after }
}

/** Of an object like a Secret, what it is called, and the names of its fields. */
const hideInManifest = (kind: string, manifest: Json): unknown => {
  if (!isSecretKind(kind)) return hidden("", manifest as Schema.Json)
  const { apiVersion, metadata = {}, ...fields } = manifest
  const { annotations: _annotations, ...named } = metadata as Record<string, Schema.Json>
  return {
    ...(apiVersion === undefined ? {} : { apiVersion }),
    ...Object.fromEntries(Object.keys(fields).map((field) => [field, mark("value")])),
    kind,
    metadata: hidden("metadata", named)
  }
}

/** Whether it is a field with its value before and after, as an intent has them. */
const isDifference = (value: Json): boolean => Array.isArray(value["path"]) && ("before" in value || "after" in value)

/** The same data, in which every patch, every manifest and every field is without its secrets. */
export const withoutSecrets = <A>(data: A): A => {
  /** `kind` is that of the object which the data is about, where it says so. */
  const walk = (value: unknown, about: string): unknown => {
    if (Array.isArray(value)) return value.map((each) => walk(each, about))
    if (!isRecord(value)) return value
    const { _tag, manifest, patch, ref } = value
    const kind = isRecord(ref) && typeof ref["kind"] === "string" ? ref["kind"] : about
    if (_tag === "Patch" && Array.isArray(patch))
      return { ...value, patch: patch.map((operation) => hideInOperation(kind, operation)) }
    if (_tag === "Create" && isRecord(manifest))
      return {
        ...value,
        manifest: hideInManifest(typeof manifest["kind"] === "string" ? manifest["kind"] : kind, manifest)
      }
    if (isDifference(value)) return hiddenDifference(kind, value as unknown as FieldDifference)
    return Object.fromEntries(Object.entries(value).map(([field, each]) => [field, walk(each, kind)]))
  }
  return walk(data, "") as A
}
