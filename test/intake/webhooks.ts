/** Webhooks as Alertmanager sends them. */

import type { Webhook, WebhookAlert } from "../../src/intake/AlertmanagerWebhook.ts"

type Labels = Readonly<Record<string, string>>

/** A firing alert, with the severity `warning` unless the labels set another. */
export const alertOf = (labels: Labels, overrides: Partial<WebhookAlert> = {}): WebhookAlert => ({
  status: "firing",
  labels: { severity: "warning", ...labels },
  annotations: {},
  startsAt: "2026-11-24T03:00:00Z",
  endsAt: "0001-01-01T00:00:00Z",
  generatorURL: "",
  fingerprint: "0000000000000001",
  ...overrides
})

export const webhookOf = (alerts: ReadonlyArray<WebhookAlert>, overrides: Partial<Webhook> = {}): Webhook => ({
  version: "4",
  groupKey: "{}",
  status: "firing",
  receiver: "kubernaut",
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: "http://alertmanager:9093",
  alerts,
  ...overrides
})

/** One firing alert for each set of labels. The fingerprints count up from `fingerprintFrom`. */
export const webhookAbout = (alerts: ReadonlyArray<Labels>, fingerprintFrom = 1): Webhook =>
  webhookOf(
    alerts.map((labels, index) =>
      alertOf(labels, { fingerprint: (fingerprintFrom + index).toString(16).padStart(16, "0") })
    )
  )
