/**
 * The text of alerts as a prompt has it: redacted, and no longer than its share. Pure.
 *
 * **Details**
 *
 * Anyone who can send an alert can send one of 800 KB, with twenty others on the same target. Redaction of all that
 * would hold up the whole process for seconds, and in the window of a model it would leave no room for logs and events.
 * So it is shortened before it is redacted:
 *
 * - An alert has a quarter of the window at most, and all other alerts together as much. In a large window that is more
 *   than a person writes, and is bounded by `most`.
 * - What is too long is shortened evenly: short texts, which say most, stay whole.
 * - Half a secret is not recognized. So a text is redacted for a while beyond what is kept of it, and up to the end of a
 *   word.
 */

import type { Alert } from "../../domain/Alert.ts"
import { redactLabels } from "../evidence/Redaction.ts"

/** In characters: for the alert, for all others together, and for one of those. */
const most = { alert: 16_384, others: 32_768, other: 4096 }

/** However small the window is. Few alerts are longer. */
const least = 2048

/** A token has two characters or more of most texts, and an alert may have a quarter of the window. */
const charactersIn = (tokens: number, upTo: number): number => Math.min(upTo, Math.max(least, Math.floor(tokens / 2)))

/** An alert that is shortened further says nothing. */
const leastOfOther = 256
const mostOthers = 20

/** A label or annotation that is shortened further says nothing. */
const leastOfText = 64
const mostOfName = 128

/** How far a text is redacted beyond what is kept of it. */
const beyond = 512

/** The largest length of which all texts together have no more than `room`, if those that are longer are cut to it. */
export const evenShare = (lengths: ReadonlyArray<number>, room: number): number => {
  let left = room
  const sorted = lengths.toSorted((one, other) => one - other)
  for (const [index, length] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - index))
    if (length > share) return share
    left -= length
  }
  return room
}

/** The beginning of a text, without the word that would be cut. */
export const beginning = (text: string, characters: number): string => {
  if (text.length <= characters) return text
  let end = characters
  while (end > 0 && !/\s/.test(text.charAt(end - 1))) end--
  return text.slice(0, end)
}

// JSON has six characters for one of them.
// oxlint-disable-next-line no-control-regex -- That is what is meant.
const control = /[\u0000-\u0008\u000B-\u001F\u007F]/g

/** A text under its name, redacted. The name decides too. */
const shortened = (name: string, text: string, characters: number): string => {
  const read = beginning(text, characters + beyond).replace(control, " ")
  const redacted = redactLabels({ [name]: read })[name] ?? ""
  if (text.length <= characters) return redacted
  return `${redacted.slice(0, characters - 1).replace(/[\uD800-\uDBFF]$/, "")}…`
}

type Texts = ReadonlyArray<readonly [name: string, text: string]>

/** An alert in about so many characters. Its first labels and annotations are kept, if there are too many. */
const withinRoom = ({ annotations, labels, name, severity, startsAt }: Alert, room: number) => {
  const count = Math.floor(room / leastOfText)
  const all: readonly [Texts, Texts] = [Object.entries(labels), Object.entries(annotations)]
  const kept: readonly [Texts, Texts] = [all[0].slice(0, count), all[1].slice(0, Math.max(0, count - all[0].length))]
  const both = kept.flat()
  const names = both.reduce((sum, [each]) => sum + Math.min(each.length, mostOfName), 0)
  const lengths = both.map(([, text]) => text.length)
  const share = Math.max(leastOfText, evenShare(lengths, Math.max(0, room - names)))
  const textsOf = (texts: Texts) =>
    Object.fromEntries(texts.map(([each, text]) => [each.slice(0, mostOfName), shortened(each, text, share)]))
  const omitted = all[0].length + all[1].length - both.length
  return {
    name: shortened("name", name, share),
    severity,
    startsAt,
    labels: textsOf(kept[0]),
    annotations: textsOf(kept[1]),
    ...(omitted === 0 ? {} : { omitted })
  }
}

/** The alert, for a window that has this many tokens for the prompt. */
export const alertText = (alert: Alert, tokens: number): object => withinRoom(alert, charactersIn(tokens, most.alert))

const lengthOf = ({ annotations, labels }: Alert): number =>
  [...Object.entries(labels), ...Object.entries(annotations)].reduce(
    (sum, [name, text]) => sum + Math.min(name.length, mostOfName) + text.length,
    0
  )

/** The other alerts, each when it is called for, and how many more there are. */
export const otherAlerts = (
  alerts: ReadonlyArray<Alert>,
  tokens: number
): { readonly listed: ReadonlyArray<() => object>; readonly more: number } => {
  const room = charactersIn(tokens, most.others)
  const listed = alerts.slice(0, Math.min(mostOthers, Math.floor(room / leastOfOther)))
  const share = Math.min(most.other, evenShare(listed.map(lengthOf), room))
  return { listed: listed.map((alert) => () => withinRoom(alert, share)), more: alerts.length - listed.length }
}
