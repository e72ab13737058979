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

/** What both texts have before they differ says nothing, so that a long one begins shortly before that. */
const differing = (text: string, other: string, most: number): string => {
  if (text.length <= most || isCut.test(text)) return text
  let same = 0
  while (same < text.length && text[same] === other[same]) same++
  const from = Math.min(same - Math.floor(most / 4), text.length - most)
  return from <= 0 ? text : `…${text.slice(from)}`
}

/** A difference of which long values are cut. */
export const shortDifference = (
  { after, before, ...rest }: FieldDifference,
  most = mostCharacters
): FieldDifference => {
  const areTexts = typeof before === "string" && typeof after === "string"
  const left = areTexts ? differing(before, after, most) : before
  const right = areTexts ? differing(after, before, most) : after
  return {
    ...rest,
    ...(left === undefined ? {} : { before: shortValue(left, most) }),
    ...(right === undefined ? {} : { after: shortValue(right, most) })
  }
}

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
  fields: fields.slice(0, mostFields).map((field) => shortDifference(hiddenDifference(change.ref.kind, field)))
})

const suspectOf = (suspect: Suspect): Suspect => ({
  ...suspect,
  relation: redact(suspect.relation.slice(0, 2000)).slice(0, 1000),
  change: changeForPeople(suspect.change)
})

/** The ten best suspects without secrets. */
export const suspectsForPeople = (suspects: Suspects): Suspects => ({
  ...suspects,
  ranked: suspects.ranked.slice(0, mostSuspects).map(suspectOf),
  gaps: suspects.gaps.slice(0, 50),
  unread: suspects.unread.slice(0, 50),
  ...(suspects.outages === undefined ? {} : { outages: suspects.outages.slice(0, mostSuspects).map(clean) }),
  ...(suspects.takenBack === undefined
    ? {}
    : {
        takenBack: suspects.takenBack
          .slice(0, mostSuspects)
          .map(({ change, ...rest }) => ({ ...rest, change: changeForPeople(change) }))
      })
})
