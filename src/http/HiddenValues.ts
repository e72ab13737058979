/**
 * Hides the secrets in the patches of a remediation. A plan that changes a pod template journals it with the values of
 * its environment, because they have to be written back. A person who may read remediations may not see these.
 */

import { redact, redactLabels } from "../investigation/evidence/Redaction.ts"

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value)

/** The value of something that has a name: a variable of the environment, a header of a probe, an annotation. */
const named = (name: string, value: string): string | undefined => {
  // The prefix of an annotation says whose it is, not what it is.
  const key = name.slice(name.lastIndexOf("/") + 1)
  return redactLabels({ [key]: value })[key]
}

const hideIn = (value: unknown, key = ""): unknown => {
  if (typeof value === "string") return redact(value)
  if (Array.isArray(value)) return value.map((item) => hideIn(item))
  if (!isRecord(value)) return value
  const { name, value: text } = value
  const isNamed = typeof name === "string" && typeof text === "string"
  const areNames = key === "annotations" || key === "labels"
  return Object.fromEntries(
    Object.entries(value).map(([field, each]) => {
      if (isNamed && field === "value") return [field, named(name, text)]
      return [field, areNames && typeof each === "string" ? named(field, each) : hideIn(each, field)]
    })
  )
}

const hideInOperation = (operation: unknown): unknown => {
  if (!isRecord(operation) || !("value" in operation)) return operation
  const tokens = String(operation["path"]).split("/")
  const [last = "", parent = ""] = tokens.toReversed()
  const { value } = operation
  const isNamed = typeof value === "string" && (parent === "annotations" || parent === "labels")
  return { ...operation, value: isNamed ? named(last.replaceAll("~1", "/"), value) : hideIn(value, last) }
}

/** The same data, in which every patch is without its secrets. */
export const withoutSecrets = <A>(data: A): A => {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isRecord(value)) return value
    const { _tag, patch } = value
    if (_tag === "Patch" && Array.isArray(patch)) return { ...value, patch: patch.map(hideInOperation) }
    return Object.fromEntries(Object.entries(value).map(([field, each]) => [field, walk(each)]))
  }
  return walk(data) as A
}
