/**
 * What people are told: one event that matters to them, in words of our own with facts beside them.
 *
 * A notification may begin a **condition**, which lasts until another one ends it: an emergency, a question that waits
 * for an answer. Sinks that know alerts, such as Alertmanager, show a condition for as long as it lasts; the others get
 * its beginning and its end as messages.
 */

import { Schema } from "effect"
import type { Severity } from "./Alert.ts"
import { Timestamp } from "./Timestamp.ts"

/**
 * What a notification is about.
 *
 * | kind                                  | means                                                     |
 * | ------------------------------------- | --------------------------------------------------------- |
 * | `emergency-entered`, `emergency-left` | the degradation level is 3, and is lower again            |
 * | `level-changed`                       | the degradation level has changed, without an emergency   |
 * | `recovered`                           | a service that was out works again                        |
 * | `escalated`, `escalation-ended`       | a person is needed, and the alert has ended since         |
 * | `approval-waiting`, `approval-ended`  | an action waits for an answer, and the question is closed |
 * | `remediated`                          | the action has helped, and the target was verified        |
 * | `rolled-back`                         | the action has not helped, and was undone                 |
 * | `storage-down`, `storage-up`          | the database stores nothing, and stores again             |
 * | `audit-broken`, `audit-acknowledged`  | a line of the audit log was changed; an operator knows    |
 * | `audit-intact`                        | it is as it was written again                             |
 * | `emergency-stop-set`, `-lifted`       | an operator keeps new actions from starting               |
 * | `cut-off`, `cut-off-ended`            | every peer is out at once: the fault is on our side       |
 * | `alerting-silent`, `alerting-heard`   | the alerting's own heartbeat does not arrive, and does    |
 * | `alerting-unwatched`                  | it did not arrive, and now nobody watches it any more     |
 * | `account-suspended`, `-resumed`       | a model's account has no money or no key, and works again |
 * | `test`                                | somebody tries whether the sink works                     |
 */
export const NotificationKind = Schema.Literals([
  "emergency-entered",
  "emergency-left",
  "level-changed",
  "recovered",
  "escalated",
  "escalation-ended",
  "approval-waiting",
  "approval-ended",
  "remediated",
  "rolled-back",
  "storage-down",
  "storage-up",
  "audit-broken",
  "audit-acknowledged",
  "audit-intact",
  "emergency-stop-set",
  "emergency-stop-lifted",
  "cut-off",
  "cut-off-ended",
  "alerting-silent",
  "alerting-heard",
  "alerting-unwatched",
  "account-suspended",
  "account-resumed",
  "test"
])
export type NotificationKind = typeof NotificationKind.Type

/** How urgent a notification is, most urgent first. The end of a condition is as urgent as its beginning. */
export const NotificationSeverity = Schema.Literals(["critical", "warning", "info"])
export type NotificationSeverity = typeof NotificationSeverity.Type

/** One fact: a name of ours, and a value that may be anybody's text. It has no secrets and no control characters. */
export const Fact = Schema.Struct({ name: Schema.NonEmptyString, value: Schema.String })
export type Fact = typeof Fact.Type

/** A condition, by which a sink finds it again: its name, such as `emergency` or `approval/rem-01…`, and its urgency. */
export const Condition = Schema.Struct({ name: Schema.NonEmptyString, severity: NotificationSeverity })
export type Condition = typeof Condition.Type

/** One notification, as the outbox keeps it until it is delivered. */
export const Notification = Schema.Struct({
  /** Identifies it everywhere and forever: a receiver that gets it twice sees the same key. */
  key: Schema.NonEmptyString,
  kind: NotificationKind,
  severity: NotificationSeverity,
  /** When it happened, not when it is sent. */
  at: Timestamp,
  cluster: Schema.NonEmptyString,
  /** One sentence of our own words. It contains no text of alerts, models or people. */
  title: Schema.NonEmptyString,
  facts: Schema.Array(Fact),
  /** The remediation that it is about. */
  remediationId: Schema.optionalKey(Schema.String),
  /** The condition that begins with it, or that lasts with other facts. */
  begins: Schema.optionalKey(Condition),
  /** The conditions that end with it. */
  ends: Schema.optionalKey(Schema.Array(Condition))
}).annotate({ identifier: "Notification" })
export type Notification = typeof Notification.Type

/** The names of the conditions that a notification begins and ends. */
export const conditionsOf = ({
  begins,
  ends = []
}: Pick<Notification, "begins" | "ends">): ReadonlyArray<Condition["name"]> =>
  [...(begins === undefined ? [] : [begins]), ...ends].map(({ name }) => name)

/** A condition that lasts, with the notification that began it. */
export interface Lasting {
  readonly condition: Condition
  readonly began: Notification
}

/** Whether `severity` is at least as urgent as `least`. */
export const isAtLeast = (severity: NotificationSeverity, least: NotificationSeverity): boolean =>
  NotificationSeverity.literals.indexOf(severity) <= NotificationSeverity.literals.indexOf(least)

/** How urgent it is that somebody looks at an alert of this severity. */
export const urgencyOf = (severity: Severity): NotificationSeverity => (severity === "none" ? "info" : severity)
