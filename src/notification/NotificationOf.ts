/**
 * Who is told of what: the notification that follows from one line of the audit log. Pure.
 *
 * | line of the audit log                         | notification                                  | severity         | condition        |
 * | --------------------------------------------- | --------------------------------------------- | ---------------- | ---------------- |
 * | `level.changed` to 3                          | `emergency-entered`                           | critical         | `emergency`      |
 * | `level.changed` from 3                        | `emergency-left`                              | critical         | ends it          |
 * | `level.changed` otherwise                     | `level-changed`                               | warning          | `level`, until 0 |
 * | `service.recovered`                           | `recovered`                                   | info             |                  |
 * | `remediation.Decided` with `review`           | `approval-waiting`                            | of the alert     | `approval/ID`    |
 * | `remediation.Reviewed`                        | `approval-ended`                              | of the alert     | ends it          |
 * | `remediation.Concluded` as `Escalated`        | `escalated`                                   | of the alert     | `escalation/ID`  |
 * | … as `RolledBack`                             | `rolled-back`                                 | at least warning |                  |
 * | … as `Remediated`                             | `remediated`                                  | info             |                  |
 * | … otherwise, with a question that is open     | `approval-ended`                              | of the alert     | ends it          |
 * | `remediation.AlertResolved` and -`HandedOver` | `escalation-ended`, if it was escalated       | of the alert     | ends it          |
 * | `storage.down`, `storage.up`                  | `storage-down`, `storage-up`                  | critical         | `storage`        |
 * | `audit.broken`, `audit.acknowledged`          | `audit-broken`, `audit-acknowledged`          | critical         | `audit`          |
 * | `audit.intact`, if no break is left           | `audit-intact`                                | critical         | ends it          |
 * | `emergency-stop.set`, `.lifted`               | `emergency-stop-set`, `emergency-stop-lifted` | warning          | `emergency-stop` |
 * | `peers.cut-off`, `peers.reached`              | `cut-off`, `cut-off-ended`                    | critical         | `cut-off`        |
 * | `alerting.silent`, `.heard`                   | `alerting-silent`, `alerting-heard`           | critical         | `alerting`       |
 * | `alerting.unwatched`                          | `alerting-unwatched`                          | critical         | ends it          |
 * | `account.suspended` for the first time        | `account-suspended`                           | warning          | `account/NAME`   |
 * | `account.resumed`                             | `account-resumed`                             | warning          | ends it          |
 * | `condition.ended` (`LostEnds`)                | that of its end                               | of the condition | ends it          |
 * | `condition.lasts` (`LostBeginnings`)          | that of its beginning                         | of the condition | begins it        |
 *
 * What a line of one process ends may last in another one that shares the database: `LevelNotification`.
 *
 * Everything else is for those who read the audit log. An order of an operator to declare an emergency is no row: the
 * level changes by it, and people are told once.
 *
 * Alerts about Kubernaut itself are the exception: nothing is told of their remediations, because a notification that
 * comes back as an alert would lead to the next one.
 */

import { Schema } from "effect"
import type { AuditEvent } from "../domain/AuditEvent.ts"
import {
  type Condition,
  type Fact,
  type Notification,
  type NotificationSeverity,
  urgencyOf
} from "../domain/Notification.ts"
import type { Remediation, RemediationId } from "../domain/Remediation.ts"
import { Timestamp } from "../domain/Timestamp.ts"
import { ofLevel } from "./LevelNotification.ts"
import * as LostBeginnings from "./LostBeginnings.ts"
import * as LostEnds from "./LostEnds.ts"
import { type Facts, remediationFacts, reviewFacts } from "./RemediationFacts.ts"

/** What every notification says of its origin, and how text becomes harmless. */
export interface Teller extends Facts {
  readonly cluster: string
  /** Whether an alert is about Kubernaut itself, by its labels. */
  readonly isOwnAlert: (labels: Readonly<Record<string, string>>) => boolean
}

const isTimestamp = Schema.is(Timestamp)

type Told = Omit<Notification, "key" | "at" | "cluster">

const remediationLines: ReadonlySet<string> = new Set(
  ["Decided", "Reviewed", "Concluded", "AlertResolved", "HandedOver"].map((event) => `remediation.${event}`)
)

/** The remediation whose record is needed to tell of a line; `undefined` for all other lines. */
export const aboutRemediation = ({ data, kind, subject }: AuditEvent): RemediationId | undefined =>
  remediationLines.has(kind) && (kind !== "remediation.Decided" || data["outcome"] === "review")
    ? (subject as RemediationId)
    : undefined

const approval = (id: string): string => `approval/${id}`
const escalation = (id: string): string => `escalation/${id}`

/** The conditions of a remediation are as urgent as its alert. */
const endsOf = ({ alert, id }: Remediation): ReadonlyArray<Condition> =>
  [approval(id), escalation(id)].map((name) => ({ name, severity: urgencyOf(alert.severity) }))

const atLeastWarning = (severity: NotificationSeverity): NotificationSeverity =>
  severity === "info" ? "warning" : severity

/** Whether the question that was asked last has no answer. */
const isOpen = ({ questions, review, timedOut }: Remediation): boolean =>
  questions > 0 && review === undefined && timedOut?.question !== questions

const concluded = (line: AuditEvent, self: Remediation, teller: Teller): Told | undefined => {
  const { id } = self
  const facts = remediationFacts(self, teller)
  const severity = urgencyOf(self.alert.severity)
  const about = { facts, remediationId: id, ends: endsOf(self) }
  switch (line.data["state"]) {
    case "Escalated":
      return {
        ...about,
        kind: "escalated",
        severity,
        title: "A person is needed",
        begins: { name: escalation(id), severity },
        ends: [{ name: approval(id), severity }]
      }
    case "RolledBack":
      return {
        ...about,
        kind: "rolled-back",
        severity: atLeastWarning(severity),
        title: "An action did not help and was undone"
      }
    case "Remediated":
      return { ...about, kind: "remediated", severity: "info", title: "An alert was remediated" }
    default:
      return isOpen(self)
        ? { ...about, kind: "approval-ended", severity, title: "A question needs no answer any more" }
        : undefined
  }
}

const ofRemediation = (line: AuditEvent, self: Remediation, teller: Teller): Told | undefined => {
  if (teller.isOwnAlert(self.alert.labels)) return undefined
  const { id } = self
  const severity = urgencyOf(self.alert.severity)
  switch (line.kind) {
    case "remediation.Decided":
      return {
        kind: "approval-waiting",
        severity,
        title: "An action waits for approval",
        facts: reviewFacts(self, teller),
        remediationId: id,
        begins: { name: approval(id), severity }
      }
    case "remediation.Reviewed":
      return {
        kind: "approval-ended",
        severity,
        title:
          line.data["answer"] === "approved" ? "A person has approved an action" : "A person has rejected an action",
        facts: [
          ...teller.facts([
            ["By", line.actor],
            ["Because", line.data["reason"]]
          ]),
          ...remediationFacts(self, teller)
        ],
        remediationId: id,
        ends: [{ name: approval(id), severity }]
      }
    case "remediation.Concluded":
      return concluded(line, self, teller)
    default:
      return self.state === "Escalated"
        ? {
            kind: "escalation-ended",
            severity,
            title:
              line.kind !== "remediation.HandedOver"
                ? "The alert of an escalation has resolved"
                : line.data["because"] === "level"
                  ? "Kubernaut works on the alert again, because the level has risen"
                  : "Kubernaut works on a more severe alert of the same target",
            facts: remediationFacts(self, teller),
            remediationId: id,
            ends: [{ name: escalation(id), severity }]
          }
        : undefined
  }
}

/** The record cannot be read any more. A person is told what the line itself says. */
const withoutRecord = ({ data, kind, subject }: AuditEvent, teller: Teller): Told | undefined => {
  const isEscalated = kind === "remediation.Concluded" && data["state"] === "Escalated"
  if (!isEscalated && kind !== "remediation.Decided") return undefined
  return {
    kind: isEscalated ? "escalated" : "approval-waiting",
    severity: "warning",
    title: isEscalated ? "A person is needed" : "An action waits for approval",
    facts: teller.facts([
      ["Target", data["target"]],
      ["Record", "cannot be read"]
    ]),
    remediationId: subject,
    begins: { name: isEscalated ? escalation(subject) : approval(subject), severity: "warning" }
  }
}

/** The lines that begin and end a condition of the service itself, and how they are told. */
const ofService: Readonly<Record<string, Pick<Told, "kind" | "severity" | "title" | "begins" | "ends">>> = {
  "storage.down": {
    kind: "storage-down",
    severity: "critical",
    title: "The database stores nothing",
    begins: { name: "storage", severity: "critical" }
  },
  "storage.up": {
    kind: "storage-up",
    severity: "critical",
    title: "The database stores again",
    ends: [{ name: "storage", severity: "critical" }]
  },
  "audit.broken": {
    kind: "audit-broken",
    severity: "critical",
    title: "The audit log was changed: its chain is broken",
    begins: { name: "audit", severity: "critical" }
  },
  "audit.acknowledged": {
    kind: "audit-acknowledged",
    severity: "critical",
    title: "An operator has acknowledged the breaks of the audit log",
    ends: [{ name: "audit", severity: "critical" }]
  },
  "audit.intact": {
    kind: "audit-intact",
    severity: "critical",
    title: "The audit log is intact again: every line is as it was written",
    ends: [{ name: "audit", severity: "critical" }]
  },
  "emergency-stop.set": {
    kind: "emergency-stop-set",
    severity: "warning",
    title: "The emergency stop is set: no new action starts",
    begins: { name: "emergency-stop", severity: "warning" }
  },
  "emergency-stop.lifted": {
    kind: "emergency-stop-lifted",
    severity: "warning",
    title: "The emergency stop is lifted: actions may start",
    ends: [{ name: "emergency-stop", severity: "warning" }]
  },
  "alerting.silent": {
    kind: "alerting-silent",
    severity: "critical",
    title: "The alerting is silent: its own heartbeat does not arrive",
    begins: { name: "alerting", severity: "critical" }
  },
  "alerting.heard": {
    kind: "alerting-heard",
    severity: "critical",
    title: "The alerting is heard again",
    ends: [{ name: "alerting", severity: "critical" }]
  },
  "alerting.unwatched": {
    kind: "alerting-unwatched",
    severity: "critical",
    title: "Nobody watches any more whether the alerting is silent",
    ends: [{ name: "alerting", severity: "critical" }]
  },
  "service.recovered": { kind: "recovered", severity: "info", title: "A service works again" }
}

/**
 * A condition of the service itself. That breaks of the audit log are left keeps its condition, and is no news where
 * one of several is gone.
 */
const ofServiceLine = (line: AuditEvent, teller: Teller): Told | undefined => {
  const service = ofService[line.kind]
  const isWhole = (line.data["left"] ?? 0) === 0
  if (service === undefined || (line.kind === "audit.intact" && !isWhole)) return undefined
  const { ends, ...told } = { ...service, facts: serviceFacts(line, teller) }
  return { ...told, ...(isWhole && ends !== undefined ? { ends } : {}) }
}

/** A beginning or an end that was lost. */
const ofCondition = ({ data, kind, subject }: AuditEvent, teller: Teller): Told | undefined => {
  const told = kind === "condition.lasts" ? LostBeginnings.toldOf(subject) : LostEnds.toldOf(subject, data["severity"])
  return (
    told && {
      ...told,
      facts: teller.facts([
        ["Condition", subject],
        ["Because", data["reason"]]
      ])
    }
  )
}

/**
 * The account of a model. A trial that fails, which suspends it again, is nothing new. A database that was down has not
 * the first one. Lines of an earlier version only have the number.
 */
const ofAccount = ({ data, kind, subject }: AuditEvent, teller: Teller): Told | undefined => {
  if (kind === "account.suspended" && !(data["isFirst"] ?? data["times"] === 1)) return undefined
  const condition: Condition = { name: `account/${subject}`, severity: "warning" }
  const isSuspended = kind === "account.suspended"
  return {
    kind: isSuspended ? "account-suspended" : "account-resumed",
    severity: "warning",
    title: isSuspended
      ? "A model's account serves nobody until somebody pays or replaces its key"
      : data["isReplaced"] === true
        ? "A model's account that served nobody is not used any more"
        : "A model's account works again",
    facts: teller.facts([
      ["Services", Array.isArray(data["services"]) ? data["services"].join(", ") : subject],
      ["Because", data["reason"]],
      ["Tried again at", data["until"]]
    ]),
    ...(isSuspended ? { begins: condition } : { ends: [condition] })
  }
}

const seconds = (milliseconds: unknown): string | undefined =>
  typeof milliseconds === "number" ? `${Math.round(milliseconds / 1000)} s` : undefined

const serviceFacts = (line: AuditEvent, teller: Teller): ReadonlyArray<Fact> => {
  const { actor, data, kind, subject } = line
  return teller.facts([
    ["By", actor === "kubernaut" ? undefined : actor],
    ["Because", data["reason"] ?? data["message"]],
    ["Line", kind === "audit.broken" ? subject : undefined],
    ["Service", kind === "service.recovered" ? subject : undefined],
    ["Heartbeat", kind.startsWith("alerting.") ? subject : undefined],
    ["After", seconds(data["durationMs"])]
  ])
}

/**
 * The notification that follows from a line; `undefined` for a line that is only on record. `remediation` is the record
 * of `aboutRemediation(line)`, as it is now.
 */
export const notificationOf = (
  line: AuditEvent,
  remediation: Remediation | undefined,
  teller: Teller
): Notification | undefined => {
  const told =
    line.kind === "level.changed" || line.kind.startsWith("peers.")
      ? ofLevel(line, teller)
      : line.kind.startsWith("condition.")
        ? ofCondition(line, teller)
        : line.kind.startsWith("account.")
          ? ofAccount(line, teller)
          : aboutRemediation(line) === undefined
            ? ofServiceLine(line, teller)
            : remediation === undefined
              ? withoutRecord(line, teller)
              : ofRemediation(line, remediation, teller)
  return told === undefined ? undefined : { ...told, key: keyOf(line), at: happened(line), cluster: teller.cluster }
}

/** A line that was written late says when it happened. */
const happened = ({ at, data }: AuditEvent): Timestamp => (isTimestamp(data["at"]) ? data["at"] : at)

/** What may be told before it is on record has its key in the line. Every other one is known by its place in the chain. */
const keyOf = ({ data, hash, kind }: AuditEvent): string =>
  /^(storage|level|peers|condition)\./.test(kind) && typeof data["key"] === "string" ? data["key"] : hash.slice(0, 32)
