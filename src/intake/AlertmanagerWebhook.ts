/**
 * What Alertmanager posts to a `webhook_configs` receiver: format version 4, of every Alertmanager since 0.6.
 *
 * Strict about shape, because a body that is not understood must not be half taken; lenient about everything that says
 * nothing about an alert (the group, the receiver, links), because other senders of the format leave it out. Fields
 * that a newer Alertmanager adds are ignored.
 *
 * Long texts do not refuse a post, for the other alerts in it would be refused with them and Alertmanager would not
 * send them again soon: they are cut, visibly. An alert's identity is computed before that.
 */

import { Schema } from "effect"
import { type Alert, severityOf } from "../domain/Alert.ts"
import { fromMillis, type Timestamp } from "../domain/Timestamp.ts"
import { fingerprintOf } from "./Fingerprint.ts"

const rfc3339 =
  /^\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

const daysIn = (year: number, month: number): number =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31

/** Is this an RFC 3339 time that a `Timestamp` can say? */
const isTime = (text: string): boolean => {
  if (!rfc3339.test(text)) return false
  const month = Number(text.slice(5, 7))
  const day = Number(text.slice(8, 10))
  if (month < 1 || month > 12 || day < 1 || (day > 28 && day > daysIn(Number(text.slice(0, 4)), month))) return false
  if (isUtc(text)) return true
  const millis = Date.parse(text.toUpperCase().replace(" ", "T"))
  return millis >= firstMillis && millis <= lastMillis
}

const isUtc = (text: string): boolean => text.endsWith("Z") && text.charAt(10) === "T"

/**
 * The moment of a time, to the millisecond, finer digits cut off. Nearly all are in UTC, and then it is only a matter
 * of digits.
 */
const momentOf = (text: string): Timestamp =>
  isUtc(text)
    ? `${text.slice(0, 19)}.${text.slice(20, -1).slice(0, 3).padEnd(3, "0")}Z`
    : fromMillis(Date.parse(text.toUpperCase().replace(" ", "T")))

// The years 0 to 9999, which is what a `Timestamp` can say: an offset may lead out of them.
const firstMillis = Date.UTC(-1, 11, 31, 24)
const lastMillis = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

const expected = (what: string) => ({ message: `Expected ${what}`, messageMissingKey: `Expected ${what}` })

const time = expected("an RFC 3339 time such as 2026-11-24T03:00:00.123456789Z")
const texts = expected("an object of texts")
const text = expected("a text")
const state = expected('"firing" or "resolved"')

// Times stay texts here: a schema that transforms each of them took almost twice as long for a large post, with the
// event loop held.
const Moment = Schema.String.annotate(time).check(Schema.makeFilter(isTime, time))

const Texts = Schema.Record(
  Schema.String,
  Schema.String.annotate(expected("a text: Alertmanager sends all labels and annotations as texts"))
).annotate(texts)

// Go writes an empty map as `null`.
const OptionalTexts = Schema.optionalKey(Schema.NullOr(Texts).annotate(texts))
const OptionalText = Schema.optionalKey(Schema.NullOr(Schema.String).annotate(text))

const Status = Schema.Literals(["firing", "resolved"]).annotate(state)

export const WebhookAlert = Schema.Struct({
  status: Status.annotateKey(state),
  labels: Texts.annotateKey(texts),
  annotations: OptionalTexts,
  startsAt: Moment.annotateKey(time),
  /** The year 1 while the alert fires. */
  endsAt: Schema.optionalKey(Schema.NullOr(Moment).annotate(time)),
  generatorURL: OptionalText,
  /** Absent from senders of before Alertmanager 0.19: computed from the labels then. */
  fingerprint: OptionalText
}).annotate({ identifier: "WebhookAlert", ...expected("an alert") })
export type WebhookAlert = typeof WebhookAlert.Type

/** How many alerts one post may carry. */
export const defaultMaxAlerts = 10_000

/**
 * The schema for a post of at most that many alerts. Default 10,000: some 10 MB of usual alerts, and a second of work.
 */
export const makeWebhook = (maxAlerts: number = defaultMaxAlerts) => {
  const version = expected('"4", the version of the webhook format')
  const alerts = expected("an array of alerts")
  const limit = expected(
    `at most ${maxAlerts} alerts in one post: set max_alerts in the receiver, or group by more labels`
  )
  return Schema.Struct({
    version: Schema.Literal("4").annotate(version).annotateKey(version),
    status: Status.annotateKey(state),
    receiver: OptionalText,
    groupKey: OptionalText,
    /** How many alerts `max_alerts` of the receiver's configuration has left out. */
    truncatedAlerts: Schema.optionalKey(Schema.NullOr(Schema.Finite).annotate(expected("a number"))),
    groupLabels: OptionalTexts,
    commonLabels: OptionalTexts,
    commonAnnotations: OptionalTexts,
    externalURL: OptionalText,
    alerts: Schema.Array(WebhookAlert).annotate(alerts).annotateKey(alerts).check(Schema.isMaxLength(maxAlerts, limit))
  }).annotate({ identifier: "AlertmanagerWebhook", ...expected("the body of an Alertmanager webhook, version 4") })
}

export const Webhook = makeWebhook()
export type Webhook = typeof Webhook.Type

/**
 * Sizes that an alert is cut to. A Kubernetes label value has at most 63 characters and a name 253, so real alerts are
 * far from them.
 */
export const alertLimits = {
  labels: 100,
  labelLength: 1024,
  annotations: 50,
  /** Descriptions are a few sentences; this holds a stack trace. */
  annotationLength: 8192,
  urlLength: 2048
} as const

/** What stands at the end of a text that was cut. */
export const truncationMark = "…[truncated]"

const cut = (text: string, length: number): string =>
  text.length <= length
    ? text
    : `${text.slice(0, length - truncationMark.length).replace(/[\uD800-\uDBFF]$/, "")}${truncationMark}`

const cutAll = (
  texts: Readonly<Record<string, string>>,
  count: number,
  length: number
): Readonly<Record<string, string>> => {
  const entries = Object.entries(texts)
  if (entries.length <= count && entries.every(([name, text]) => name.length <= length && text.length <= length))
    return texts
  return Object.fromEntries(entries.slice(0, count).map(([name, text]) => [cut(name, length), cut(text, length)]))
}

/**
 * The fingerprint that the sender gave, where it looks like an identifier, or the one that Alertmanager would have
 * given.
 */
const fingerprintIn = (alert: WebhookAlert): string =>
  /^[\w.:-]{1,64}$/.test(alert.fingerprint ?? "") ? (alert.fingerprint ?? "") : fingerprintOf(alert.labels)

/** The alert as the domain knows it. */
export const toAlert = (alert: WebhookAlert): Alert => {
  const url = alert.generatorURL ?? ""
  return {
    fingerprint: fingerprintIn(alert),
    name: cut(alert.labels["alertname"] || "unnamed", alertLimits.labelLength).toWellFormed(),
    severity: severityOf(alert.labels["severity"]),
    labels: cutAll(alert.labels, alertLimits.labels, alertLimits.labelLength),
    annotations: cutAll(alert.annotations ?? {}, alertLimits.annotations, alertLimits.annotationLength),
    startsAt: momentOf(alert.startsAt),
    // A link that was cut leads nowhere.
    ...(url === "" || url.length > alertLimits.urlLength ? {} : { generatorURL: url })
  }
}

/** When a resolved alert ended; a sender that does not say so means now. */
export const endOf = (alert: WebhookAlert, now: Timestamp): Timestamp => {
  const end = typeof alert.endsAt === "string" ? momentOf(alert.endsAt) : now
  return end < momentOf(alert.startsAt) ? now : end
}
