/**
 * The suspects of an alert as they may leave the process: without secrets, and bounded. Pure.
 *
 * A value is hidden by its name, by the name of the variable or key that it belongs to, and by its shape
 * (`HiddenFields`). Long values and manifests are cut: who needs the value itself reads the recorded change by its id.
 */

import type { Schema } from "effect"
import type { FieldDifference } from "../../domain/FieldPath.ts"
import type { ObjectChange, Writer } from "../../domain/ObjectChange.ts"
import type { Suspect, Suspects } from "../../domain/Suspects.ts"
import { hiddenDifference } from "./HiddenFields.ts"
import { redact } from "./Redaction.ts"

const mostSuspects = 10
const mostFields = 20
const mostCharacters = 300

type Json = Schema.Json

/** What was cut once says so, and is not cut again. */
const isCut = /… \((\d+) characters\)$/

/** A value of at most so many characters. */
export const shortValue = (value: Json, most = mostCharacters): Json => {
  const text = typeof value === "string" ? value : JSON.stringify(value)
  const length = isCut.exec(text)?.[1]
  if (text.length <= (length === undefined ? most : most + 40)) return value
  return `${text.slice(0, most)}… (${length ?? text.length} characters)`
}

const shortened = ({ after, before, ...rest }: FieldDifference): FieldDifference => ({
  ...rest,
  ...(before === undefined ? {} : { before: shortValue(before) }),
  ...(after === undefined ? {} : { after: shortValue(after) })
})

const clean = (text: string): string => redact(text.slice(0, 5 * mostCharacters)).slice(0, mostCharacters)

/** The name and the user are free text in the cluster. */
export const writerForPeople = ({ kind, name, user }: Writer): Writer => ({
  kind,
  ...(name === undefined ? {} : { name: clean(name) }),
  ...(user === undefined ? {} : { user: clean(user) })
})

/** A change without secrets, with at most twenty fields, and without a manifest. */
export const changeForPeople = ({ fields, manifest: _manifest, ...change }: ObjectChange): ObjectChange => ({
  ...change,
  by: writerForPeople(change.by),
  fields: fields.slice(0, mostFields).map((field) => shortened(hiddenDifference(change.ref.kind, field)))
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
