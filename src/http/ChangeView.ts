/**
 * A recorded change as the API shows it: without secrets, bounded, and with paths that people can read. Pure.
 *
 * Values that are longer than the bound are cut. Of a text with several lines, the lines that differ are shown as well,
 * so that one changed line of a long file is seen.
 */

import { Schema } from "effect"
import { differingParts, textDiff } from "../changes/TextDiff.ts"
import { display, type FieldDifference } from "../domain/FieldPath.ts"
import { ChangeId, type ObjectChange, WatchGap, Writer } from "../domain/ObjectChange.ts"
import { isSecretKind } from "../domain/SecretNames.ts"
import { ResourceRef } from "../domain/Target.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import { hidden, hiddenDifference } from "../investigation/evidence/HiddenFields.ts"
import { redact } from "../investigation/evidence/Redaction.ts"
import { shortDifference, shortValue, writerForPeople } from "../investigation/evidence/SuspectEvidence.ts"

export const ChangedField = Schema.Struct({
  /** Such as `spec.template.spec.containers[app].image`. */
  path: Schema.String,
  /** Absent: the field did not exist. Also absent for a Secret, of which no value is known. */
  before: Schema.optionalKey(Schema.Json),
  after: Schema.optionalKey(Schema.Json),
  /** The lines that differ, for a text with several lines. */
  diff: Schema.optionalKey(Schema.Array(Schema.String))
}).annotate({ identifier: "ChangedField" })
export type ChangedField = typeof ChangedField.Type

export const RecordedChange = Schema.Struct({
  id: ChangeId,
  ref: ResourceRef,
  operation: Schema.Literals(["created", "modified", "deleted"]),
  /** Empty for an object that was created or deleted. */
  fields: Schema.Array(ChangedField),
  /** The number of fields that are left out. */
  fieldsOmitted: Schema.optionalKey(Schema.Int),
  /** The object that was created or deleted. A long one is cut, and is then a text. Absent for a Secret. */
  manifest: Schema.optionalKey(Schema.Json),
  /** When it happened. With `notBefore` only its interval is certain. */
  at: Timestamp,
  /** Present for a change that happened while nobody watched: between this time and `seenAt`. */
  notBefore: Schema.optionalKey(Timestamp),
  seenAt: Timestamp,
  by: Writer,
  /** Whether Kubernaut made it. */
  ours: Schema.Boolean,
  /** How the target of the request depends on the object, and the number of steps between them. */
  relation: Schema.optionalKey(Schema.String),
  distance: Schema.optionalKey(Schema.Int)
}).annotate({ identifier: "RecordedChange" })
export type RecordedChange = typeof RecordedChange.Type

/** An interval in which changes of some kinds were not watched. Nobody knows what happened in it. */
export const UnwatchedInterval = Schema.Struct({
  kinds: Schema.Array(Schema.String),
  /** `null`: nothing was ever seen before. */
  from: Schema.NullOr(Timestamp),
  /** `null`: it has not ended. */
  to: Schema.NullOr(Timestamp),
  reason: WatchGap.fields.reason,
  /** The reason for people. */
  why: Schema.String
}).annotate({ identifier: "UnwatchedInterval" })
export type UnwatchedInterval = typeof UnwatchedInterval.Type
const mostFields = 50
const mostCharacters = 500
const mostDiffLines = 40
/** The largest part of a text whose lines are compared. Hiding secrets in it takes a few milliseconds. */
const mostCompared = 7000
/** A private key has fewer lines: where a part begins in one, its first lines are not near a line that differs. */
const linesAround = 70
/** Further fields are left out once those before have so many characters. */
const mostRead = 100_000

type Json = Schema.Json

const cut = (text: string, length = mostCharacters): string =>
  text.length <= length ? text : `${text.slice(0, length)}… (${text.length} characters)`

const diffOf = (kind: string, difference: FieldDifference): ReadonlyArray<string> => {
  const { after = "", before = "", path } = difference
  if (typeof before !== "string" || typeof after !== "string") return []
  if (!before.includes("\n") && !after.includes("\n")) return []
  const [left, right] = differingParts(before, after, linesAround, mostCompared)
  const shown = hiddenDifference(kind, { path, before: left, after: right })
  if (typeof shown.before !== "string" || typeof shown.after !== "string") return []
  const lines = textDiff(shown.before, shown.after)
  return [
    ...lines.slice(0, mostDiffLines).map((line) => cut(line, 200)),
    ...(lines.length > mostDiffLines ? [`… (${lines.length - mostDiffLines} more lines)`] : [])
  ]
}

const fieldOf = (kind: string, difference: FieldDifference): ChangedField => {
  const { after, before, path } = shortDifference(hiddenDifference(kind, difference), mostCharacters)
  const diff = diffOf(kind, difference)
  return {
    path: cut(display(path)),
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    ...(diff.length === 0 ? {} : { diff })
  }
}

const lengthOf = ({ after = "", before = "" }: FieldDifference): number =>
  [before, after].reduce<number>(
    (sum, each) => sum + (typeof each === "string" ? Math.min(each.length, mostCompared) : JSON.stringify(each).length),
    0
  )

/** As many fields as may be shown. The first one is always shown. */
const shownFields = (fields: ReadonlyArray<FieldDifference>): ReadonlyArray<FieldDifference> => {
  let left = mostRead
  return fields.slice(0, mostFields).filter((field, index) => {
    left -= lengthOf(field)
    return index === 0 || left > 0
  })
}

/** A recorded change as people may see it. */
export const changeView = (change: ObjectChange): RecordedChange => {
  const { at, by, fields, id, manifest, notBefore, operation, ref, seenAt } = change
  const shown = shownFields(fields)
  return {
    id,
    ref,
    operation,
    fields: shown.map((field) => fieldOf(ref.kind, field)),
    ...(fields.length === shown.length ? {} : { fieldsOmitted: fields.length - shown.length }),
    ...(manifest === undefined || isSecretKind(ref.kind)
      ? {}
      : { manifest: shortValue(hidden("", manifest as Json), 4000) }),
    at,
    ...(notBefore === undefined ? {} : { notBefore }),
    seenAt,
    by: writerForPeople(by),
    ours: by.kind === "kubernaut"
  }
}

/** A change of an object on which the target of a request depends. */
export const relatedView = (change: ObjectChange, relation: string, distance: number): RecordedChange => ({
  ...changeView(change),
  relation: cut(redact(relation), 1000),
  distance
})
