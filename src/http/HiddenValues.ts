/**
 * Hides the secrets in the writes of a remediation. A plan journals what it has to write: a pod template with the
 * values of its environment, a field of a ConfigMap with its value before and after, an object that is created again. A
 * person who may read remediations may not see these.
 */

import type { Schema } from "effect"
import type { FieldDifference } from "../domain/FieldPath.ts"
import { hidden, hiddenDifference } from "../investigation/evidence/HiddenFields.ts"
import { mark } from "../investigation/evidence/SecretShapes.ts"

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

const isIndex = (token: string): boolean => /^(\d+|-)$/.test(token)

/** The value of a patch. The path names a variable by its position only, so its value may be any secret. */
const hideInOperation = (operation: unknown): unknown => {
  if (!isRecord(operation) || !("value" in operation)) return operation
  const [last = "", parent = "", above = ""] = String(operation["path"])
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"))
    .toReversed()
  const value = operation["value"] as Schema.Json
  if (last === "value" && isIndex(parent) && (above === "env" || above === "httpHeaders"))
    return { ...operation, value: mark("value") }
  if (String(operation["path"]).startsWith("/binaryData/")) return { ...operation, value: mark("value") }
  const name = last === "value" || isIndex(last) ? parent : last
  return { ...operation, value: hidden(name, value) }
}

/** Whether it is a field with its value before and after, as an intent has them. */
const isDifference = (value: Json): boolean => Array.isArray(value["path"]) && ("before" in value || "after" in value)

/** The same data, in which every patch, every manifest and every field is without its secrets. */
export const withoutSecrets = <A>(data: A): A => {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isRecord(value)) return value
    const { _tag, manifest, patch } = value
    if (_tag === "Patch" && Array.isArray(patch)) return { ...value, patch: patch.map(hideInOperation) }
    if (_tag === "Create") return { ...value, manifest: hidden("", manifest as Schema.Json) }
    if (isDifference(value)) return hiddenDifference("", value as unknown as FieldDifference)
    return Object.fromEntries(Object.entries(value).map(([field, each]) => [field, walk(each)]))
  }
  return walk(data) as A
}
