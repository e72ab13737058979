/**
 * What people read about recorded changes: what changed, when, who did it, and what is known of the rest. Pure.
 *
 * Everything is redacted, bounded (`SuspectEvidence` cuts long values), and in one line in which nothing is hidden.
 */

import { display } from "../../domain/FieldPath.ts"
import type { FieldDifference } from "../../domain/FieldPath.ts"
import type { ObjectChange, WatchGap, Writer } from "../../domain/ObjectChange.ts"
import { plain } from "../../domain/PlainText.ts"
import { isSecretKind } from "../../domain/SecretNames.ts"
import type { Suspect, Suspects } from "../../domain/Suspects.ts"
import { displayName } from "../../domain/Target.ts"
import { toMillis } from "../../domain/Timestamp.ts"
import { redact } from "./Redaction.ts"
import { changeForPeople } from "./SuspectEvidence.ts"

const mostFields = 5
const mostListed = 5
const mostNamed = 6
const longestValue = 120

const valueText = (value: FieldDifference["before"]): string => {
  if (value === undefined) return "(none)"
  const text = JSON.stringify(value)
  return text.length <= longestValue ? text : `${text.slice(0, longestValue - 1)}…`
}

const writerText = ({ kind, name, user }: Writer): string => {
  const who = [user, name].filter((each) => each !== undefined)
  if (kind === "kubernaut") return "Kubernaut"
  if (who.length === 0) return "somebody whom the API server does not name"
  return user === undefined || name === undefined ? who.join("") : `${user} with ${name}`
}

/** The fields of a change with their values before and after, such as `spec.maxReplicas: 10 -> 2`. */
export const diffText = (change: ObjectChange): string => {
  const { fields } = changeForPeople(change)
  const shown = fields
    .slice(0, mostFields)
    .map(({ after, before, path }) =>
      isSecretKind(change.ref.kind)
        ? display(path)
        : redact(`${display(path)}: ${valueText(before)} -> ${valueText(after)}`)
    )
  const more = change.fields.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more fields`] : [])].join("; ")
}

const spanText = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}

/** What somebody did to which object, when, and the fields that differ. One sentence without a full stop. */
export const changeText = (change: ObjectChange, symptomAt: string): string => {
  const { at, by, notBefore, operation, ref } = change
  const did = { created: "created", deleted: "deleted", modified: "changed" }[operation]
  const before = toMillis(symptomAt) - toMillis(at)
  const when =
    notBefore === undefined
      ? `at ${at}${before >= 0 ? `, ${spanText(before)} before the first symptom` : ""}`
      : `at a time between ${notBefore} and ${change.seenAt} that nobody watched`
  const what = operation === "modified" ? ` (${diffText(change)})` : ""
  return plain(`${redact(displayName(ref))} was ${did} by ${redact(writerText(by))} ${when}${what}`)
}

const suspectText = ({ change, relation, score }: Suspect, symptomAt: string): string =>
  `${changeText(change, symptomAt)}; score ${score}, the target ${redact(relation)}`

/** The ranked list, the likeliest first; nothing if it is empty. */
export const rankedText = ({ ranked, symptomAt }: Suspects): ReadonlyArray<string> =>
  ranked.slice(0, mostListed).map((suspect, index) => `${index + 1}. ${suspectText(suspect, symptomAt)}.`)

const gapText = ({ from, kind, object, to }: WatchGap): string =>
  `${object === undefined ? kind : redact(displayName(object))} from ${from ?? "the beginning"} to ${to ?? "now"}`

const some = (texts: ReadonlyArray<string>): string =>
  texts.length <= mostNamed
    ? texts.join(", ")
    : `${texts.slice(0, mostNamed).join(", ")} and ${texts.length - mostNamed} more`

const orderOf = ({ from, to }: WatchGap): string => `${to ?? "9"} ${from ?? ""}`

/** Those that are open first, then the latest. */
const byEnd = (left: WatchGap, right: WatchGap): number => (orderOf(left) < orderOf(right) ? 1 : -1)

/** What nobody saw: the kinds that were not watched, and the parts that could not be read. */
const unseenText = ({ gaps, unread }: Suspects): ReadonlyArray<string> => [
  ...(gaps.length === 0 ? [] : [`These were not watched: ${some(gaps.toSorted(byEnd).map(gapText))}.`]),
  ...(unread.length === 0 ? [] : [`These could not be read: ${some(unread)}.`])
]

/** What explains the alert as well as the suspects do. */
export const outageText = ({ outages = [] }: Suspects): ReadonlyArray<string> =>
  outages.length === 0
    ? []
    : [`Something else may explain the alert as well: ${outages.map((each) => plain(redact(each))).join(" ")}`]

/** The changes that Kubernaut has taken back already, and by which remediation. */
export const takenBackText = ({ symptomAt, takenBack = [] }: Suspects): ReadonlyArray<string> =>
  takenBack.slice(0, mostListed).map(({ at, change, remediation }) => {
    const by = remediation === undefined ? "Kubernaut" : `The remediation ${plain(redact(remediation))}`
    return `${changeText(change, symptomAt)}. ${by} has taken it back at ${at}.`
  })

/** What the changes before an alert mean, in plain words. Absent suspects: changes are not recorded. */
export const findingText = (suspects: Suspects | undefined): ReadonlyArray<string> => {
  if (suspects === undefined) return []
  const { finding, since } = suspects
  const listed = rankedText(suspects)
  const weak = listed.length === 0 ? [] : [`Unlikely causes: ${listed.join(" ")}`]
  switch (finding) {
    case "one":
      return [
        `What changed before it, the likeliest cause first: ${listed.join(" ")}`,
        ...outageText(suspects),
        ...unseenText(suspects)
      ]
    case "several":
      return [
        `Two or more of the changes before it are similarly likely to be the cause, the likeliest first: ${listed.join(" ")}`,
        ...outageText(suspects),
        ...unseenText(suspects)
      ]
    case "nothing-changed":
      return [
        `Everything was watched since ${since}, and nothing ${suspects.takenBack === undefined ? "" : "else "}changed that explains the alert.`,
        ...takenBackText(suspects),
        ...weak
      ]
    case "unknown":
      return [
        `It is not known whether something ${suspects.takenBack === undefined ? "" : "else "}changed since ${since} that explains the alert.`,
        ...takenBackText(suspects),
        ...unseenText(suspects),
        ...weak
      ]
  }
}
