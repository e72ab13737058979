/**
 * Changes and suspects for people, in one line. Pure.
 *
 * The values are those that are given: secrets have to be hidden before (`suspectsForPeople`).
 */

import { display, type FieldDifference, type FieldPath } from "../domain/FieldPath.ts"
import type { ObjectChange } from "../domain/ObjectChange.ts"
import { plain } from "../domain/PlainText.ts"
import type { Suspects } from "../domain/Suspects.ts"
import { displayName, type ResourceRef } from "../domain/Target.ts"
import { type Timestamp, toMillis } from "../domain/Timestamp.ts"
import { intervalsOf, whyOf } from "./GapText.ts"
import { similarShare, suspectScore } from "./SuspectScore.ts"

const mostCharacters = 80

const cut = (text: string, length = mostCharacters): string =>
  text.length <= length ? text : `${text.slice(0, length - 1)}…`

/** A value in one line. A text that is nothing but a word has no quotes. */
export const valueText = (value: unknown): string =>
  value === undefined
    ? "(none)"
    : cut(plain(typeof value === "string" && /^[\w./:@+%\-[\]]+$/.test(value) ? value : JSON.stringify(value)))

interface ChangedField {
  readonly path: string | FieldPath
  readonly before?: unknown
  readonly after?: unknown
}

/** A field, and its value before and after. Of a Secret, only the field is known. */
export const fieldText = ({ after, before, path }: ChangedField | FieldDifference): string => {
  const name = cut(plain(typeof path === "string" ? path : display(path)), 200)
  return before === undefined && after === undefined ? name : `${name} ${valueText(before)} -> ${valueText(after)}`
}

/** What is shown of a change. Both a recorded change and one of the API have it. */
export interface ShownChange extends Pick<ObjectChange, "operation" | "at" | "seenAt" | "by"> {
  readonly ref: ResourceRef
  readonly notBefore?: Timestamp
  readonly fields: ReadonlyArray<ChangedField>
}

/** What changed: the object, and the first field of several. */
export const whatText = ({ fields, operation, ref }: ShownChange): string => {
  const name = plain(displayName(ref))
  const [first] = fields
  if (operation !== "modified" || first === undefined) return `${name} ${operation}`
  return `${name} ${fieldText(first)}${fields.length === 1 ? "" : ` (and ${fields.length - 1} more field${fields.length === 2 ? "" : "s"})`}`
}

/** Who made a change. */
export const whoText = ({ by: { kind, name, user } }: Pick<ShownChange, "by">): string => {
  const manager = name === undefined ? (kind === "unknown" ? "an unknown writer" : `a ${kind}`) : cut(plain(name))
  const who = kind === "kubernaut" ? "Kubernaut itself" : manager
  return user === undefined ? who : `${cut(plain(user))} (${who})`
}

/** When it happened: at a time, or between two. */
export const whenText = ({ at, notBefore, seenAt }: Pick<ShownChange, "at" | "notBefore" | "seenAt">): string =>
  notBefore === undefined ? `at ${at}` : `between ${notBefore} and ${seenAt}`

const spanText = (millis: number): string => {
  const seconds = Math.round(Math.abs(millis) / 1000)
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

/** When it happened, as seen from an alert. */
const beforeAlertText = (change: ShownChange, startsAt: Timestamp): string => {
  if (change.notBefore !== undefined) return whenText(change)
  const millis = toMillis(startsAt) - toMillis(change.at)
  return millis === 0 ? "when the alert began" : `${spanText(millis)} ${millis > 0 ? "before" : "after"} the alert`
}

/** How many of the ranked changes are suspects: the best one, and those with a similar score. */
export const suspectCount = ({ finding, ranked }: Pick<Suspects, "finding" | "ranked">): number => {
  const best = ranked[0]?.score ?? 0
  if (finding !== "one" && finding !== "several") return 0
  if (finding === "one") return 1
  return Math.max(2, ranked.filter(({ score }) => score >= suspectScore && score >= best * similarShare).length)
}

const unknownText = ({ gaps, since, symptomAt, unread }: Suspects): string => {
  const [gap] = intervalsOf(gaps, since, symptomAt)
  const causes = [
    ...(gap === undefined
      ? []
      : [
          `${gap.kinds.length > 3 ? `${gap.kinds.length} kinds` : gap.kinds.join(", ")} ${gap.from === null ? (gap.to === null ? "are" : `until ${gap.to}`) : `from ${gap.from} to ${gap.to ?? "now"}`}: ${whyOf(gap.reason)}`
        ]),
    ...(unread.length === 0 ? [] : [`not read: ${unread.slice(0, 3).join(", ")}${unread.length > 3 ? ", …" : ""}`])
  ]
  return `unknown what changed since ${since}${causes.length === 0 ? "" : ` (${causes.join("; ")})`}`
}

const outageText = ({ outages = [] }: Suspects): string =>
  outages.length === 0 ? "" : `; or another cause: ${outages.map((each) => cut(plain(each), 300)).join(" ")}`

/** What Kubernaut has taken back already, and by which remediation. */
const takenBackText = ({ takenBack = [] }: Suspects): string =>
  takenBack
    .slice(0, 3)
    .map(({ at, change, remediation }) => {
      const by = remediation === undefined ? "" : ` by ${cut(plain(remediation))}`
      return `; taken back already: ${whatText(change)}${by} at ${at}`
    })
    .join("")

const tail = (count: number): string =>
  count === 0 ? "" : `; ${count} less likely change${count === 1 ? "" : "s"} ranked`

/** The suspects of an alert in one line: what a person reads first. */
export const summary = (suspects: Suspects, startsAt: Timestamp): string => {
  const { finding, ranked } = suspects
  const count = suspectCount(suspects)
  if (count > 0) {
    const named = ranked
      .slice(0, Math.min(count, 3))
      .map(({ change }) => `${whatText(change)} by ${whoText(change)} ${beforeAlertText(change, startsAt)}`)
    return `${count} suspect${count === 1 ? "" : "s"}: ${named.join("; ")}${count > 3 ? "; …" : ""}${outageText(suspects)}`
  }
  const text =
    finding === "nothing-changed"
      ? `nothing ${suspects.takenBack === undefined ? "" : "else that is "}relevant changed since ${suspects.since}: it was watched throughout`
      : unknownText(suspects)
  return `no suspect: ${text}${takenBackText(suspects)}${tail(ranked.length)}`
}
