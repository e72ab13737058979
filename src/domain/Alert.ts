/**
 * An alert, identified as in Alertmanager by its fingerprint (a hash of its labels) and its start time.
 *
 * The text of an alert is untrusted input. It is displayed, matched against rules and, after redaction, sent to
 * investigators. It never becomes a command.
 */

import { Schema } from "effect"
import { ResourceRef } from "./Target.ts"
import { Timestamp } from "./Timestamp.ts"

/** The normalized severity of an alert, most severe first. Admission, decisions and metrics use it. */
export const Severity = Schema.Literals(["critical", "warning", "info", "none"])
export type Severity = typeof Severity.Type

/** The more severe of two. */
export const mostSevere = (left: Severity, right: Severity): Severity =>
  Severity.literals.indexOf(left) <= Severity.literals.indexOf(right) ? left : right

/** Whether alerts of a severity are only recorded: nothing is read, asked or done about them. */
export const isMonitorOnly = (severity: Severity): boolean => severity === "info" || severity === "none"

/**
 * An alert as the rest of the service sees it. `AlertmanagerWebhook.toAlert` makes one from a webhook.
 *
 * ```ts
 * import { Alert } from "kubernaut"
 *
 * const alert: Alert.Alert = {
 *   fingerprint: "6a1f3c9e2b7d4850",
 *   name: "KubePodCrashLooping",
 *   severity: Alert.severityOf("page"),
 *   labels: {
 *     alertname: "KubePodCrashLooping",
 *     namespace: "shop",
 *     pod: "checkout-5d9c7b-x2x4z",
 *     severity: "page"
 *   },
 *   annotations: { summary: "Pod is crash looping." },
 *   startsAt: "2026-11-24T03:00:00.000Z"
 * }
 * alert.severity // => "critical"
 * ```
 */
export const Alert = Schema.Struct({
  /** Alertmanager's hash of the labels. */
  fingerprint: Schema.NonEmptyString,
  /** The label `alertname`, or `unnamed` when the label is absent. */
  name: Schema.NonEmptyString,
  /** The label `severity`, normalized by `severityOf`. */
  severity: Severity,
  labels: Schema.Record(Schema.String, Schema.String),
  annotations: Schema.Record(Schema.String, Schema.String),
  /** When the alert started to fire. */
  startsAt: Timestamp,
  /** Link to the query behind the alert. */
  generatorURL: Schema.optionalKey(Schema.String),
  /**
   * The objects that the labels name, the best evidence first. The first one that exists becomes the target. Absent if
   * they name at most one.
   */
  candidates: Schema.optionalKey(Schema.Array(ResourceRef))
})
export type Alert = typeof Alert.Type

/** The words of an organisation for severities, as `severityWords` prepares them. */
export type SeverityWords = ReadonlyMap<string, Severity>

const folded = (word: string): string => word.trim().toLowerCase()

/**
 * Prepares an organisation's words for `severityOf`.
 *
 * ```ts
 * import { Alert } from "kubernaut"
 *
 * const words = Alert.severityWords({ P1: "critical", debug: "info" })
 * Alert.severityOf("p1", words) // => "critical"
 * ```
 */
export const severityWords = (words: Readonly<Record<string, Severity>>): SeverityWords =>
  new Map(Object.entries(words).map(([word, severity]) => [folded(word), severity]))

/**
 * Normalizes the value of the label `severity`, ignoring case and surrounding spaces. The words of an organisation take
 * precedence over ours. An absent or unknown value is a warning.
 *
 * ```ts
 * import { Alert } from "kubernaut"
 *
 * Alert.severityOf(" Page") // => "critical"
 * Alert.severityOf(undefined) // => "warning"
 * Alert.severityOf("P1") // => "warning"
 * ```
 */
export const severityOf = (label: string | undefined, words?: SeverityWords): Severity => {
  const word = folded(label ?? "")
  const own = words?.get(word)
  if (own !== undefined) return own
  switch (word) {
    case "critical":
    case "page":
    case "error":
    case "emergency":
      return "critical"
    case "info":
    case "informational":
      return "info"
    case "none":
      return "none"
    default:
      return "warning"
  }
}
