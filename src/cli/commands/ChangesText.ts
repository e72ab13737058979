/** Changes, suspects and gaps as text for people. Pure. */

import { fieldText, valueText, whatText, whenText, whoText } from "../../changes/SuspectText.ts"
import { plain } from "../../domain/PlainText.ts"
import { displayName } from "../../domain/Target.ts"
import type { ChangedField, RecordedChange, UnwatchedInterval } from "../../http/ChangeView.ts"
import type { ChangeList, RemediationDetail } from "../../http/Responses.ts"
import { table } from "../Output.ts"

const mostManifestLines = 60

/** The kinds of an interval. A service that has just started has not watched any of them. */
const kindsText = (kinds: ReadonlyArray<string>): string =>
  kinds.length > 6 ? `${kinds.slice(0, 5).join(", ")} and ${kinds.length - 5} more kinds` : kinds.join(", ")

/** `2026-11-24T02:59:48Z`: the API server says when in whole seconds. */
const inSeconds = (time: string): string => time.replace(/\.\d{3}Z$/, "Z")

const gapTimes = ({ from, to }: UnwatchedInterval): string =>
  from === null
    ? `until ${to === null ? "now" : inSeconds(to)}`
    : `${inSeconds(from)} to ${to === null ? "now" : inSeconds(to)}`

const gapText = (gap: UnwatchedInterval): string => `NOT WATCHED: ${kindsText(gap.kinds)}, because ${gap.why}`

const indented = (lines: ReadonlyArray<string>, by = "    "): ReadonlyArray<string> =>
  lines.map((line) => `${by}${line}`)

/** A field before and after, with the lines that differ of a text of several lines. */
const fieldLines = (field: ChangedField): ReadonlyArray<string> => {
  const { after, before, diff, path } = field
  if (diff !== undefined) return [plain(path), ...indented(diff.map(plain), "  ")]
  if (before === undefined && after === undefined) return [`${plain(path)} (values are not recorded)`]
  return [
    plain(path),
    ...(before === undefined ? [] : [`  - ${valueLine(before)}`]),
    ...(after === undefined ? [] : [`  + ${valueLine(after)}`])
  ]
}

/** The whole value, unlike in a table. */
const valueLine = (value: unknown): string => plain(typeof value === "string" ? value : JSON.stringify(value))

const manifestLines = (manifest: RecordedChange["manifest"]): ReadonlyArray<string> => {
  if (manifest === undefined) return []
  const lines = (typeof manifest === "string" ? manifest : JSON.stringify(manifest, undefined, 2))
    .split("\n")
    .map(plain)
  return lines.length <= mostManifestLines
    ? lines
    : [...lines.slice(0, mostManifestLines), `… (${lines.length - mostManifestLines} more lines)`]
}

/** All fields of a change, or the object that was created or deleted. */
const diffLines = ({ fields, fieldsOmitted, manifest }: RecordedChange): ReadonlyArray<string> => [
  ...fields.flatMap(fieldLines),
  ...manifestLines(manifest),
  ...(fieldsOmitted === undefined ? [] : [`… (${fieldsOmitted} more fields)`])
]

const changeCell = ({ fields, fieldsOmitted = 0, operation }: RecordedChange): string => {
  const [first] = fields
  if (operation !== "modified" || first === undefined) return operation
  const more = fields.length - 1 + fieldsOmitted
  return `${fieldText(first)}${more === 0 ? "" : ` (and ${more} more field${more === 1 ? "" : "s"})`}`
}

const timeCell = (change: RecordedChange): string =>
  change.notBefore === undefined
    ? inSeconds(change.at)
    : `${inSeconds(change.notBefore)} to ${inSeconds(change.seenAt)}`

interface Row {
  /** For the order: the newest first. */
  readonly time: string
  readonly cells: ReadonlyArray<string>
  readonly below: ReadonlyArray<string>
}

const changeRow = (change: RecordedChange, options: { readonly diff: boolean }): Row => ({
  time: change.at,
  cells: [
    timeCell(change),
    `${whoText(change)}${change.ours ? " (ours)" : ""}`,
    plain(displayName(change.ref)),
    changeCell(change)
  ],
  below: [...relationText(change.relation, change.distance), ...(options.diff ? diffLines(change) : [])]
})

const gapRow = (gap: UnwatchedInterval): Row => ({
  time: gap.to ?? "9",
  cells: [gapTimes(gap), "", "", gapText(gap)],
  below: []
})

/** Rows in the order of time, with what stands below each of them. */
const rowsText = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const sorted = rows.toSorted((left, right) => (left.time === right.time ? 0 : left.time < right.time ? 1 : -1))
  const lines = table([["WHEN", "WHO", "OBJECT", "CHANGE"], ...sorted.map(({ cells }) => cells)])
  return [lines[0]!, ...sorted.flatMap(({ below }, index) => [lines[index + 1]!, ...indented(below)])]
}

/** What a list means: without gaps it is everything, and with gaps it is not. */
const verdict = ({ changes, gaps, since, until, unread, watched }: ChangeList): ReadonlyArray<string> => [
  gaps.length > 0
    ? `${changes.length === 0 ? "No change was seen, but not" : "Not"} everything was watched: what happened in the intervals above is unknown.`
    : changes.length === 0
      ? unread.length > 0
        ? `No change was seen from ${since} to ${until}, but not everything could be read.`
        : `Nothing changed from ${since} to ${until}: it was watched throughout.`
      : unread.length > 0
        ? `${watched === "throughout" ? "It was watched throughout, but not" : "Not"} everything could be read.`
        : "It was watched throughout: there are no other changes.",
  ...(unread.length === 0
    ? []
    : [`Could not be read, so changes that the target depends on may be missing: ${unread.map(plain).join(", ")}.`])
]

/** The list of `kubernaut changes`. */
export const changesText = (found: ChangeList, options: { readonly diff: boolean }): ReadonlyArray<string> => {
  const { changes, gaps, nextCursor, target } = found
  const rows = [...gaps.map(gapRow), ...changes.map((change) => changeRow(change, options))]
  return [
    ...(target === undefined || target.exists === "yes"
      ? []
      : [
          target.exists === "no"
            ? `${plain(displayName(target.ref))} does not exist now. Check its name.`
            : `It is not known whether ${plain(displayName(target.ref))} exists: the cluster could not be read.`
        ]),
    ...(rows.length === 0 ? [] : rowsText(rows)),
    ...(nextCursor === undefined
      ? verdict(found)
      : [`There are more changes: --cursor ${nextCursor}, or a larger --limit.`])
  ]
}

type Ranked = NonNullable<RemediationDetail["suspects"]>["ranked"][number]

/** How the target depends on an object. Nothing for the target itself. */
const relationText = (relation: string | undefined, distance: number | undefined): ReadonlyArray<string> =>
  relation === undefined || distance === 0 ? [] : [`the target ${plain(relation)}`]

const rankedLines = (ranked: Ranked): ReadonlyArray<string> => {
  const { change, distance, reasons, relation, score, suspected } = ranked
  return [
    `  ${suspected ? "*" : "-"} ${score.toFixed(2)}  ${whatText(change)}`,
    `      ${[`${whenText(change)} by ${whoText(change)}`, ...relationText(relation, distance)].join("; ")}`,
    ...(suspected ? indented(diffLines(change), "      ") : []),
    ...reasons.map((reason) => `      ${plain(reason)}`)
  ]
}

/** The suspects of a remediation: the finding, then every ranked change with its reasons, the suspects with their diff. */
export const suspectsText = ({ suspects }: RemediationDetail): ReadonlyArray<string> =>
  suspects === undefined
    ? []
    : [
        `Changes: ${suspects.summary}`,
        ...suspects.ranked.flatMap(rankedLines),
        ...suspects.gaps.map((gap) => `  - ${gapTimes(gap)}  ${gapText(gap)}`),
        ...(suspects.unread.length === 0 ? [] : [`  - could not be read: ${suspects.unread.map(plain).join(", ")}`])
      ]

const undoneStates = {
  "in-progress": "is being taken back",
  undone: "was taken back",
  "put-back": "was taken back, and is in force again",
  "not-undone": "was not taken back",
  unknown: "may have been taken back"
} as const

/** What was undone, as the diff from what the change had made of it. */
export const undoneText = ({ undone = [] }: RemediationDetail): ReadonlyArray<string> =>
  undone.flatMap(({ at, change, changeId, state }) => [
    `Undone: change ${changeId} ${undoneStates[state]}, ${at}`,
    ...(change === undefined
      ? []
      : change.operation === "modified"
        ? change.fields.map(({ after, before, path }) => `  ${plain(path)} ${valueText(after)} -> ${valueText(before)}`)
        : [`  ${whatText(change)}`])
  ])
