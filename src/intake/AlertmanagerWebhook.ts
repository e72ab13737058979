/**
 * The body that Alertmanager posts to a `webhook_configs` receiver: format version 4, used by Alertmanager since 0.6.
 * Grafana sends the same format and calls it version 1. `SenderDialect` rewrites what other senders encode otherwise.
 *
 * Decoding is strict about the alerts, because a malformed post must not be accepted in part. It is lenient about the
 * group, the receiver and links, because other senders of the format omit them. Unknown fields are ignored.
 *
 * Long strings are truncated with a visible mark. Rejecting the post instead would also reject its other alerts, which
 * Alertmanager would not send again soon. The fingerprint is computed before truncation.
 */

import { Schema } from "effect"
import { type Alert, severityOf, type SeverityWords } from "../domain/Alert.ts"
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

/** Whether a string is an RFC 3339 time that a `Timestamp` can represent. */
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
 * Converts an RFC 3339 time to a timestamp. Digits below milliseconds are truncated. Almost all times are in UTC, which
 * needs no date arithmetic.
 */
const momentOf = (text: string): Timestamp =>
  isUtc(text)
    ? `${text.slice(0, 19)}.${text.slice(20, -1).slice(0, 3).padEnd(3, "0")}Z`
    : fromMillis(Date.parse(text.toUpperCase().replace(" ", "T")))

// A `Timestamp` represents the years 0 to 9999. An offset can shift a time out of this range.
const firstMillis = Date.UTC(-1, 11, 31, 24)
const lastMillis = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

const expected = (what: string) => ({ message: `Expected ${what}`, messageMissingKey: `Expected ${what}` })

const time = expected("an RFC 3339 time such as 2026-11-24T03:00:00.123456789Z")
const texts = expected("an object of strings")
const text = expected("a string")
const state = expected('"firing" or "resolved"')

// Times stay strings here. A schema that transforms each of them took almost twice as long for a large post and blocked
// the event loop.
const Moment = Schema.String.annotate(time).check(Schema.makeFilter(isTime, time))

const Texts = Schema.Record(
  Schema.String,
  Schema.String.annotate(expected("a string: Alertmanager sends all labels and annotations as strings"))
).annotate(texts)

// Go encodes an empty map as `null`.
const OptionalTexts = Schema.optionalKey(Schema.NullOr(Texts).annotate(texts))
const OptionalText = Schema.optionalKey(Schema.NullOr(Schema.String).annotate(text))

const Status = Schema.Literals(["firing", "resolved"]).annotate(state)

/** One alert of a webhook, as the sender encodes it. `toAlert` converts it. */
export const WebhookAlert = Schema.Struct({
  status: Status.annotateKey(state),
  labels: Texts.annotateKey(texts),
  annotations: OptionalTexts,
  startsAt: Moment.annotateKey(time),
  /** In the year 1 while the alert fires. */
  endsAt: Schema.optionalKey(Schema.NullOr(Moment).annotate(time)),
  generatorURL: OptionalText,
  /** Absent before Alertmanager 0.19. It is then computed from the labels. */
  fingerprint: OptionalText
}).annotate({ identifier: "WebhookAlert", ...expected("an alert") })
export type WebhookAlert = typeof WebhookAlert.Type

/** The default limit of `makeWebhook`. */
export const defaultMaxAlerts = 10_000

/**
 * The schema of a post with at most `maxAlerts` alerts. Default 10,000, which is about 10 MB of typical alerts and one
 * second of work.
 */
export const makeWebhook = (maxAlerts: number = defaultMaxAlerts) => {
  const version = expected('"4" of Alertmanager or "1" of Grafana, the version of the webhook format')
  const alerts = expected("an array of alerts")
  const limit = expected(`at most ${maxAlerts} alerts in one post: group by more labels in the route`)
  return Schema.Struct({
    /** Absent in the posts of some scripts. */
    version: Schema.optionalKey(Schema.NullOr(Schema.Literals(["4", "1"]).annotate(version)).annotate(version)),
    status: Status.annotateKey(state),
    receiver: OptionalText,
    groupKey: OptionalText,
    /** The number of alerts that the sender left out because of `max_alerts` in the receiver's configuration. */
    truncatedAlerts: Schema.optionalKey(Schema.NullOr(Schema.Finite).annotate(expected("a number"))),
    groupLabels: OptionalTexts,
    commonLabels: OptionalTexts,
    commonAnnotations: OptionalTexts,
    externalURL: OptionalText,
    alerts: Schema.Array(WebhookAlert).annotate(alerts).annotateKey(alerts).check(Schema.isMaxLength(maxAlerts, limit))
  }).annotate({ identifier: "AlertmanagerWebhook", ...expected("the body of an Alertmanager webhook, version 4") })
}

/**
 * A webhook with at most `defaultMaxAlerts` alerts.
 *
 * ```ts
 * import { Schema } from "effect"
 * import { AlertmanagerWebhook } from "kubernaut"
 *
 * const webhook = Schema.decodeUnknownSync(AlertmanagerWebhook.Webhook)({
 *   version: "4",
 *   status: "firing",
 *   alerts: [{ status: "firing", labels: { alertname: "KubePodCrashLooping" }, startsAt: "2026-11-24T03:00:00Z" }]
 * })
 * webhook.alerts.map(({ labels }) => labels["alertname"]) // => ["KubePodCrashLooping"]
 * ```
 */
export const Webhook = makeWebhook()
export type Webhook = typeof Webhook.Type

/**
 * The limits to which an alert is truncated: entries for labels and annotations, characters for lengths. A Kubernetes
 * label value has at most 63 characters and a name at most 253, so real alerts stay far below.
 */
export const alertLimits = {
  labels: 100,
  labelLength: 1024,
  annotations: 50,
  /** Enough for a stack trace. */
  annotationLength: 8192,
  urlLength: 2048
} as const

/** The mark at the end of a truncated string. */
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

/** The sender's fingerprint if it looks like an identifier, otherwise the one that Alertmanager would compute. */
const fingerprintIn = (alert: WebhookAlert): string =>
  /^[\w.:-]{1,64}$/.test(alert.fingerprint ?? "") ? (alert.fingerprint ?? "") : fingerprintOf(alert.labels)

/**
 * Converts an alert of a webhook to a domain alert: computes a missing fingerprint, normalizes the severity and
 * truncates long strings. `severities` are the words of an organisation (`severityWords`).
 */
export const toAlert = (alert: WebhookAlert, severities?: SeverityWords): Alert => {
  const url = alert.generatorURL ?? ""
  return {
    fingerprint: fingerprintIn(alert),
    name: cut(alert.labels["alertname"]?.trim() || "unnamed", alertLimits.labelLength).toWellFormed(),
    severity: severityOf(alert.labels["severity"], severities),
    labels: cutAll(alert.labels, alertLimits.labels, alertLimits.labelLength),
    annotations: cutAll(alert.annotations ?? {}, alertLimits.annotations, alertLimits.annotationLength),
    startsAt: momentOf(alert.startsAt),
    // A truncated link would be broken.
    ...(url === "" || url.length > alertLimits.urlLength ? {} : { generatorURL: url })
  }
}

/** The number of alerts that the sender left out of a post. */
export const truncatedIn = ({ truncatedAlerts }: Webhook): number =>
  truncatedAlerts === undefined || truncatedAlerts === null ? 0 : Math.max(0, Math.trunc(truncatedAlerts))

/** When a resolved alert ended. Returns `now` if the sender gives no end or one before the start. */
export const endOf = (alert: WebhookAlert, now: Timestamp): Timestamp => {
  const end = typeof alert.endsAt === "string" ? momentOf(alert.endsAt) : now
  return end < momentOf(alert.startsAt) ? now : end
}
