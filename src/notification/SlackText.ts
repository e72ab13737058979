/**
 * The text of a message for Slack and for chats that take the same webhooks, such as Mattermost and Discord. Pure.
 *
 * **Untrusted text is never markup.** Slack reads `<…>` as links and mentions, so `&`, `<` and `>` are escaped. Other
 * chats read `@here`, `[text](address)` and bare addresses as well. So a value is always inside of a code span, where
 * no chat reads any markup, and a backtick in it, which would end the span, becomes an apostrophe. It has no line
 * breaks: `domain/PlainText` has written them out.
 */

import type { Fact, Notification } from "../domain/Notification.ts"
import { countsText, type Digest, digestTitle } from "./Digest.ts"
import type { Message } from "./NotificationSink.ts"
import type { Linked } from "./RemediationLink.ts"

/** Slack cuts a message after 40,000 characters, and Discord refuses one of more than 2,000. */
const mostCharacters = 1900

/** As Slack asks for it: https://docs.slack.dev/messaging/formatting-message-text#escaping */
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

/** A value as code, in which no chat reads markup. */
export const code = (text: string): string => `\`${escaped(text.replaceAll("`", "'"))}\``

const linkText = (id: string, link: Linked["link"]): string =>
  link === undefined ? code(id) : `<${escaped(link(id))}|${escaped(id)}>`

const factText = ({ name, value }: Fact): string => `${escaped(name)}: ${code(value)}`

const head = ({ at, cluster, severity, title }: Notification): ReadonlyArray<string> => [
  `*${escaped(title)}*`,
  `${severity}, cluster ${code(cluster)}, ${at}`
]

/** What identifies a message, so that people see whether two are one. */
const tail = (key: string): string => `ref ${code(key)}`

const single = (notification: Notification, link: Linked["link"]): ReadonlyArray<string> => [
  ...head(notification),
  ...(notification.remediationId === undefined ? [] : [`Remediation: ${linkText(notification.remediationId, link)}`]),
  ...notification.facts.map(factText)
]

const named = ({ facts, remediationId, severity, title }: Notification, link: Linked["link"]): string => {
  const about = facts.find(({ name }) => name === "Target" || name === "Service")
  return `• ${severity}: ${escaped(title)}${about === undefined ? "" : `, ${code(about.value)}`}${
    remediationId === undefined ? "" : `, ${linkText(remediationId, link)}`
  }`
}

const many = (digest: Digest, link: Linked["link"]): ReadonlyArray<string> => [
  `*${digestTitle(digest)}*`,
  `${countsText(digest)}, from ${digest.from} to ${digest.to}`,
  ...digest.mostSevere.map((each) => named(each, link))
]

/** The lines that there is room for. A line is left out as a whole: a half of one may be open markup. */
const fitted = (lines: ReadonlyArray<string>, room: number): ReadonlyArray<string> => {
  let length = 0
  const kept = lines.filter((line) => {
    if (length + line.length + 1 > room) return false
    length += line.length + 1
    return true
  })
  return kept.length === lines.length ? kept : [...kept, "…"]
}

/** The text of a message, at most 1,900 characters. */
export const textOf = ({ digest, key, notifications }: Message, link?: Linked["link"]): string => {
  const last = tail(key)
  const lines = digest === undefined ? single(notifications[0], link) : many(digest, link)
  return [...fitted(lines, mostCharacters - last.length - 3), last].join("\n")
}
