/**
 * The suspects of an alert as they may leave the process: without secrets, and bounded. Pure.
 *
 * A value is redacted by its name, by the name of the variable or key that it belongs to, and by its shape. Long values
 * and manifests are cut: who needs the value itself reads the recorded change by its id.
 */

import type { Schema } from "effect"
import type { FieldDifference, FieldPath } from "../../domain/FieldPath.ts"
import type { ObjectChange } from "../../domain/ObjectChange.ts"
import type { Suspect, Suspects } from "../../domain/Suspects.ts"
import { redact, redactLabels } from "./Redaction.ts"

const mostSuspects = 10
const mostFields = 20
const mostCharacters = 300

/** The text of a value with this name, without secrets. */
const textOf = (name: string, value: string): string => {
  // The prefix of a label or an annotation says whose it is, not what it is.
  const key = name.slice(name.lastIndexOf("/") + 1)
  return redactLabels({ [key]: value })[key] ?? ""
}

type Json = Schema.Json

const hidden = (name: string, value: Json): Json => {
  if (typeof value === "string") return textOf(name, value)
  if (Array.isArray(value)) return value.map((each: Json) => hidden(name, each))
  if (typeof value !== "object" || value === null) return value
  const fields = value as Readonly<Record<string, Json>>
  const own = fields["name"]
  return Object.fromEntries(
    Object.entries(fields).map(([field, each]) => [
      field,
      hidden(field === "value" && typeof own === "string" ? own : field, each)
    ])
  )
}

const cut = (value: Json): Json => {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.length <= mostCharacters ? value : `${text.slice(0, mostCharacters)}… (${text.length} characters)`
}

/** The name by which a value may be a secret: that of its variable or key. */
const nameOf = (path: FieldPath): string => {
  const [last, parent] = path.toReversed()
  if (last === undefined) return ""
  if (typeof last !== "string") return last.value
  return last === "value" && parent !== undefined && typeof parent !== "string" ? parent.value : last
}

const fieldOf = ({ after, before, path }: FieldDifference): FieldDifference => ({
  path,
  ...(before === undefined ? {} : { before: cut(hidden(nameOf(path), before)) }),
  ...(after === undefined ? {} : { after: cut(hidden(nameOf(path), after)) })
})

/** A change without secrets, with at most twenty fields, and without a manifest. */
export const changeForPeople = ({ fields, manifest: _manifest, ...change }: ObjectChange): ObjectChange => ({
  ...change,
  fields: fields.slice(0, mostFields).map(fieldOf)
})

const suspectOf = (suspect: Suspect): Suspect => ({
  ...suspect,
  relation: redact(suspect.relation).slice(0, 1000),
  change: changeForPeople(suspect.change)
})

/** The ten best suspects without secrets. */
export const suspectsForPeople = (suspects: Suspects): Suspects => ({
  ...suspects,
  ranked: suspects.ranked.slice(0, mostSuspects).map(suspectOf),
  gaps: suspects.gaps.slice(0, 50),
  unread: suspects.unread.slice(0, 50)
})
