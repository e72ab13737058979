/**
 * Alertmanager: each condition of ours is an alert that fires for as long as it lasts.
 *
 * **Details**
 *
 * A firing alert is posted with an `endsAt` four minutes ahead and again each minute, as Prometheus does. So if the
 * service ends, its alerts end too, and the heartbeat with them. The end of a condition posts the same labels with an
 * `endsAt` of now.
 *
 * What is no condition, such as a rollback, is an alert that ends after five minutes: long enough for a group to be
 * sent.
 *
 * **The heartbeat** (`KubernautHeartbeat`, severity `none`) fires for as long as the service works. An Alertmanager
 * route to a dead man's switch makes an alarm of its absence. `Heartbeat` says when the service works.
 *
 * Every alert has the label `kubernaut_self="true"`, by which Kubernaut recognizes its own when they come back to it.
 * Angle brackets in values are replaced, because Alertmanager's own receivers pass annotations to chats as they are.
 */

import { Clock, Effect } from "effect"
import { HttpClient } from "effect/http"
import type { Condition, Lasting, Notification, NotificationKind } from "../domain/Notification.ts"
import { selfLabel } from "../domain/SelfAlert.ts"
import { fromMillis } from "../domain/Timestamp.ts"
import { find, type Place, post } from "./HttpSink.ts"
import type { Message, Route, Sink } from "./NotificationSink.ts"
import type { Linked } from "./RemediationLink.ts"

/** An Alertmanager. */
export interface AlertmanagerOptions extends Place, Route, Linked {
  /** The name of our cluster, in the label `cluster` of every alert. */
  readonly cluster: string
}

/** An alert as Alertmanager takes it. */
interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly startsAt?: string
  readonly endsAt: string
  readonly generatorURL?: string
}

/** Four refreshes: one may be lost, and Alertmanager may be away for a moment. */
const lastsMs = 4 * 60_000
const eventMs = 5 * 60_000

/** The alert of each condition, by the first part of its name. */
const alertOfCondition: Readonly<Record<string, string>> = {
  emergency: "KubernautEmergency",
  level: "KubernautDegraded",
  escalation: "KubernautPersonNeeded",
  approval: "KubernautApprovalWaiting",
  storage: "KubernautStorageDown",
  audit: "KubernautAuditBroken",
  "emergency-stop": "KubernautEmergencyStop",
  "cut-off": "KubernautCutOff",
  alerting: "KubernautAlertingSilent",
  account: "KubernautAccountSuspended"
}

/** The label with the rest of a condition's name. Default `remediation`. */
const labelOfCondition: Readonly<Record<string, string>> = { account: "service" }

/** The alert of what is no condition. */
const alertOfKind: Partial<Readonly<Record<NotificationKind, string>>> = {
  "rolled-back": "KubernautRolledBack",
  remediated: "KubernautRemediated",
  recovered: "KubernautRecovered",
  test: "KubernautTest"
}

/** Invisible. It breaks what a receiver would take for a mention, a link or an address. */
const broken = "\u200b"

/** Alertmanager's receivers read markup of many kinds: Slack's, Markdown, HTML. */
const withoutMarkup = (text: string): string =>
  text
    .replaceAll("<", "‹")
    .replaceAll(">", "›")
    .replaceAll(/(^|[^\w/])@(?=\w)/g, `$1@${broken}`)
    .replaceAll("](", `]${broken}(`)
    .replaceAll("://", `:${broken}//`)

const self = { [selfLabel]: "true" }

const labelsOf = ({ name, severity }: Condition, cluster: string): PostedAlert["labels"] => {
  // The name of an account may be an address, with slashes of its own.
  const [kind = "", ...rest] = name.split("/")
  return {
    alertname: alertOfCondition[kind] ?? "KubernautCondition",
    severity,
    cluster,
    ...self,
    ...(rest.length === 0 ? {} : { [labelOfCondition[kind] ?? "remediation"]: rest.join("/") })
  }
}

const annotationsOf = ({ facts, title }: Notification): Readonly<Record<string, string>> => ({
  summary: withoutMarkup(title),
  description: facts.map(({ name, value }) => `${name}: ${withoutMarkup(value)}`).join("\n")
})

const source = ({ remediationId }: Notification, link: Linked["link"]): Pick<PostedAlert, "generatorURL"> =>
  remediationId === undefined || link === undefined ? {} : { generatorURL: link(remediationId) }

const firing = (
  { began, condition }: Lasting,
  nowMs: number,
  { cluster, link }: Pick<AlertmanagerOptions, "cluster" | "link">
): PostedAlert => ({
  labels: labelsOf(condition, cluster),
  annotations: annotationsOf(began),
  startsAt: began.at < fromMillis(nowMs) ? began.at : fromMillis(nowMs),
  endsAt: fromMillis(nowMs + lastsMs),
  ...source(began, link)
})

const ended = (
  condition: Condition,
  notification: Notification,
  nowMs: number,
  { cluster }: Pick<AlertmanagerOptions, "cluster">
): PostedAlert => ({
  labels: labelsOf(condition, cluster),
  annotations: annotationsOf(notification),
  endsAt: fromMillis(nowMs)
})

const event = (
  notification: Notification,
  nowMs: number,
  { cluster, link }: Pick<AlertmanagerOptions, "cluster" | "link">
): PostedAlert => ({
  labels: {
    alertname: alertOfKind[notification.kind] ?? "KubernautEvent",
    severity: notification.severity,
    cluster,
    ...self,
    ...(notification.remediationId === undefined ? {} : { remediation: notification.remediationId }),
    // Two services that recover are two alerts.
    ...Object.fromEntries(
      notification.facts.flatMap(({ name, value }) => (name === "Service" ? [["service", value]] : []))
    )
  },
  annotations: annotationsOf(notification),
  startsAt: fromMillis(nowMs),
  endsAt: fromMillis(nowMs + eventMs),
  ...source(notification, link)
})

/**
 * The alerts of a message. Of a condition that has begun and ended in it, only the end is posted: who was away when it
 * began has nothing to do about it any more.
 */
export const alertsOf = (
  { notifications }: Pick<Message, "notifications">,
  nowMs: number,
  options: Pick<AlertmanagerOptions, "cluster" | "link">
): ReadonlyArray<PostedAlert> => {
  const conditions = new Map<string, PostedAlert>()
  const events: Array<PostedAlert> = []
  for (const notification of notifications) {
    const { begins, ends = [] } = notification
    // A rollback ends an escalation, and is news itself.
    if ((begins === undefined && ends.length === 0) || alertOfKind[notification.kind] !== undefined)
      events.push(event(notification, nowMs, options))
    for (const condition of ends) conditions.set(condition.name, ended(condition, notification, nowMs, options))
    if (begins !== undefined)
      conditions.set(begins.name, firing({ condition: begins, began: notification }, nowMs, options))
  }
  return [...conditions.values(), ...events]
}

/** The heartbeat. It ends after three minutes without another one. */
export const heartbeatOf = (nowMs: number, cluster: string): PostedAlert => ({
  labels: { alertname: "KubernautHeartbeat", severity: "none", cluster, ...self },
  annotations: {
    summary: "Kubernaut works. This alert always fires: its absence is the alarm",
    description: "Route it to a dead man's switch outside of this cluster."
  },
  startsAt: fromMillis(nowMs),
  endsAt: fromMillis(nowMs + 3 * 60_000)
})

/** A sink that posts to Alertmanager's API, `POST /api/v2/alerts`. `url` is its base address. */
export const make = (options: AlertmanagerOptions): Effect.Effect<Sink, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (client): Sink => {
    const { kinds, minimumSeverity, name } = options
    const postAll = (alerts: (nowMs: number) => ReadonlyArray<PostedAlert>) =>
      Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
        const all = alerts(nowMs)
        return all.length === 0 ? Effect.void : post(client, options, "/api/v2/alerts", JSON.stringify(all))
      })
    return {
      name,
      ...(kinds === undefined ? {} : { kinds }),
      ...(minimumSeverity === undefined ? {} : { minimumSeverity }),
      send: (message) => postAll((nowMs) => alertsOf(message, nowMs, options)),
      refresh: (conditions, isWorking, over) =>
        postAll((nowMs) => [
          ...(isWorking ? [heartbeatOf(nowMs, options.cluster)] : []),
          ...over.map(({ began, condition }) => ended(condition, began, nowMs, options)),
          ...conditions.map((lasting) => firing(lasting, nowMs, options))
        ]),
      check: find(client, options, "/-/ready")
    }
  })
