/** The settings of notifications: the sinks, and the address for links. */

import { Schema } from "effect"
import { NotificationKind, NotificationSeverity } from "../../domain/Notification.ts"
import { HttpUrl, httpUrl, Secret, setting, wholeNumber } from "./Setting.ts"

/** One sink. Its address may contain a token, so it is a secret like the others. */
export const NotificationSinkSetting = Schema.Struct({
  name: Schema.String.check(
    Schema.isPattern(/^[a-z0-9][a-z0-9._-]{0,62}$/, { message: "Expected a short lower-case name such as ops" })
  ),
  kind: Schema.Literals(["alertmanager", "webhook", "slack"]),
  url: Schema.RedactedFromValue(HttpUrl),
  /** Signs the messages of a webhook. */
  secret: Schema.optionalKey(Secret),
  /** Sent with every request, such as `authorization`. */
  headers: Schema.optionalKey(Schema.Record(Schema.NonEmptyString, Secret)),
  /** Default: all. */
  kinds: Schema.optionalKey(Schema.Array(NotificationKind).check(Schema.isMinLength(1))),
  minimumSeverity: Schema.optionalKey(NotificationSeverity),
  perMinute: Schema.optionalKey(wholeNumber(1, 600))
})
export type NotificationSinkSetting = typeof NotificationSinkSetting.Type

type Sinks = ReadonlyArray<NotificationSinkSetting>

const Sinks = Schema.Array(NotificationSinkSetting).check(
  Schema.makeFilter((sinks: Sinks) => new Set(sinks.map(({ name }) => name)).size === sinks.length, {
    message: "Expected each sink to have a unique name"
  }),
  Schema.makeFilter((sinks: Sinks) => sinks.every(({ kind, secret }) => secret === undefined || kind === "webhook"), {
    message: "Expected each secret to belong to a sink of kind webhook: the others have no signature"
  })
)

export const notifications = {
  notificationSinks: setting(Sinks, {
    form: "json",
    fallback: [],
    description:
      "Who is notified: a list of entries with name, kind (alertmanager, webhook or slack), url, and optionally secret (signs a webhook), headers, kinds (such as emergency-entered, escalated or approval-waiting; default all), minimumSeverity (critical, warning or info, the default) and perMinute (default 20; the rest goes into a digest). Without sinks nobody is notified.",
    expected: `a list such as [{"name":"ops","kind":"slack","url":"https://hooks.slack.com/services/…","minimumSeverity":"warning"}]`,
    secret: true
  }),
  publicUrl: httpUrl({
    description: "Address at which people reach this service. With it, notifications link to the remediation.",
    example: "https://kubernaut.example.com"
  })
} as const
