/**
 * One alert as Alertmanager identifies it: `fingerprint` (hash of its labels) and `startsAt`.
 *
 * All of its text comes from outside and is untrusted: it is shown, matched against rules and sent to investigators
 * after redaction, and never becomes a command or part of a key other than as a label value.
 */

import { Schema } from "effect"
import { Timestamp } from "./Timestamp.ts"

export const Severity = Schema.Literals(["critical", "warning", "info", "none"])
export type Severity = typeof Severity.Type

export const Alert = Schema.Struct({
  fingerprint: Schema.NonEmptyString,
  /** The label `alertname`; `unnamed` where an alert has none. */
  name: Schema.NonEmptyString,
  /** The label `severity`, folded to four: `page` and `error` are critical, unknown words are warnings. */
  severity: Severity,
  labels: Schema.Record(Schema.String, Schema.String),
  annotations: Schema.Record(Schema.String, Schema.String),
  startsAt: Timestamp,
  generatorURL: Schema.optionalKey(Schema.String)
})
export type Alert = typeof Alert.Type

/** Shedding order when the queue is full: the higher number is kept longer. */
export const severityRank = (severity: Severity): number => ({ none: 0, info: 1, warning: 2, critical: 3 })[severity]

/** Folds the word that a rule author chose for `severity` into the four that decisions use. */
export const severityOf = (label: string | undefined): Severity => {
  switch (label?.toLowerCase()) {
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
