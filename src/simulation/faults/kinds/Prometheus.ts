/**
 * What Prometheus and Alertmanager do by design, and what nevertheless looks like other alerts: two replicas of
 * Prometheus, an alert that is resolved by a timeout and fires again, and several alerts about one workload.
 */

import { Schema } from "effect"
import type { WebhookAlert } from "../../../intake/AlertmanagerWebhook.ts"
import type { SeededRandom } from "../../engine/SeededRandom.ts"
import { type FaultKind, kind } from "../FaultKind.ts"

/** The replicas evaluate their rules at different moments of an interval of one minute. */
const mostSkewMs = 60_000

/** The same for each post of an alert. */
const skewOf = ({ fingerprint }: WebhookAlert): number => {
  const digits = Number.parseInt((fingerprint ?? "").slice(-6), 16)
  return Number.isNaN(digits) ? 0 : (digits % (2 * mostSkewMs)) - mostSkewMs
}

/** Odd webhooks have times at the ends of the calendar, which stay as they are. */
const shifted = (time: string, byMs: number): string => {
  const ms = Date.parse(time) + byMs
  return ms > 0 && ms < Date.UTC(9000, 0) ? new Date(ms).toISOString() : time
}

/** The alert as the other replica reports it. */
const ofOtherReplica = (alert: WebhookAlert): WebhookAlert => ({
  ...alert,
  startsAt: shifted(alert.startsAt, skewOf(alert))
})

/** The posts of other replicas. There are two replicas, however many of these faults are active. */
const ofOthers = new WeakSet<object>()

const replicas = kind({
  name: "prometheus-replicas",
  target: "alertmanager",
  description:
    "A second replica of Prometheus, with an Alertmanager of its own, reports every alert with another start, and resolves it later.",
  parameters: Schema.Struct({ lateMs: Schema.Int }),
  lasts: [300_000, 3_600_000],
  draw: (random: SeededRandom) => ({ lateMs: random.between(0, mostSkewMs) }),
  apply: ({ lateMs }, { farEnds: { alertmanager } }) =>
    alertmanager.disturb((webhook) => {
      if (ofOthers.has(webhook)) return [{ webhook, afterMs: 0 }]
      const other = { ...webhook, alerts: webhook.alerts.map(ofOtherReplica) }
      ofOthers.add(webhook).add(other)
      return [
        { webhook, afterMs: 0 },
        { webhook: other, afterMs: lateMs }
      ]
    })
})

const flapping = kind({
  name: "alertmanager-flaps",
  target: "alertmanager",
  description: "Alerts that fire are reported as resolved, and a while later as firing with the same start.",
  parameters: Schema.Struct({ gapMs: Schema.Int, share: Schema.Finite }),
  lasts: undefined,
  gapMs: [600_000, 7_200_000],
  draw: (random) => ({ gapMs: Math.floor(random.magnitude(10, 60_000)), share: random.pick([0.5, 1]) }),
  apply: ({ gapMs, share }, { farEnds: { alertmanager } }, random) => {
    alertmanager.flap(gapMs, () => random.chance(share))
    return () => {}
  }
})

const rising = kind({
  name: "alerts-of-rising-severity",
  target: "alertmanager",
  description: "A workload breaks, and its info, warning and critical alerts arrive in one webhook in this order.",
  parameters: Schema.Struct({}),
  lasts: undefined,
  gapMs: [600_000, 7_200_000],
  draw: () => ({}),
  apply: (_, { farEnds: { alertmanager } }) => {
    alertmanager.riseInSeverity()
    return () => {}
  }
})

export const prometheusFaults: ReadonlyArray<FaultKind> = [replicas, flapping, rising]
