/**
 * What holds now, read at every scrape: the level, the orders of operators, the health of the database, what waits, and
 * the business figures. What cannot be read is absent: a gauge that keeps its last value, or shows 0, would say
 * something that nobody knows.
 */

import type { Gauge } from "prom-client"
import type { DegradationLevel } from "../domain/DegradationLevel.ts"
import { RemediationState } from "../domain/Remediation.ts"
import { Verdict } from "../domain/Verification.ts"
import { Finding } from "../health/HealthSupervisor.ts"
import { accuracyOf, actionSuccessOf, type BusinessFigures } from "../storage/Figures.ts"
import type { Registering } from "./Registering.ts"

/** Everything is absent while it is not known. */
export interface Standing {
  readonly level: DegradationLevel
  readonly emergencyStop?: boolean
  readonly storageUp?: boolean
  /** Open remediations. */
  readonly backlog?: number
  readonly figures?: BusinessFigures
  /** What the health checks have found. */
  readonly findings?: ReadonlyArray<Pick<Finding, "layer" | "name" | "status">>
  /** The alerts that wait in the local spool, because the database does not store them. */
  readonly spool?: {
    readonly alerts: number
    /** How long the oldest of them has waited. Absent: none waits, or that is not known. */
    readonly oldestMs?: number
    readonly isUsable: boolean
  }
  /** The notifications that wait for each sink. */
  readonly notifications?: ReadonlyArray<{
    readonly sink: string
    readonly waiting: number
    /** How long the oldest of them has waited. Absent: none waits. */
    readonly oldestMs?: number
  }>
  /** How long ago the alert that always fires was seen. */
  readonly watchdogAgeMs?: number
  /** How long the oldest open question to a person has waited. 0: none is open. */
  readonly oldestReviewMs?: number
}

/** How the service is, and what waits. */
const stateInstruments = ({ gauge }: Registering) => ({
  level: gauge("kubernaut_degradation_level", "Degradation level: 0 full, 1 reduced AI, 2 rule-based, 3 emergency."),
  emergencyStop: gauge(
    "kubernaut_emergency_stop",
    "Whether the emergency stop is set, so that no new action starts: 1 or 0. Absent while it cannot be read."
  ),
  storageUp: gauge("kubernaut_storage_up", "Whether the database stores alerts: 1 or 0."),
  backlog: gauge("kubernaut_remediations_open", "Remediations that have not ended, now."),
  reviews: gauge(
    "kubernaut_reviews_waiting",
    "Questions to a person that are open now. Absent while the database cannot be read."
  ),
  oldestReview: gauge(
    "kubernaut_review_oldest_seconds",
    "Seconds for which the oldest open question to a person has waited; 0 if none is open. Absent while the database cannot be read."
  ),
  watchdogAge: gauge(
    "kubernaut_watchdog_age_seconds",
    "Seconds since the alert that always fires was last seen. Absent if nothing watches it, or until it was seen once."
  ),
  spoolAlerts: gauge(
    "kubernaut_spool_alerts",
    "Alerts that wait in the local spool, because the database does not store them. Absent without a spool."
  ),
  spoolOldest: gauge(
    "kubernaut_spool_oldest_seconds",
    "Seconds for which the oldest alert of the local spool has waited; 0 if none waits. Absent without a spool."
  ),
  spoolUsable: gauge(
    "kubernaut_spool_usable",
    "Whether the local spool can store an alert: 1 or 0. Absent without a spool."
  ),
  notificationsWaiting: gauge(
    "kubernaut_notifications_waiting",
    "Notifications that wait for a sink. Absent without sinks, or while the database cannot be read.",
    ["sink"]
  ),
  notificationsOldest: gauge(
    "kubernaut_notifications_oldest_seconds",
    "Seconds for which the oldest notification has waited for a sink; 0 if none waits. Absent as the number of them.",
    ["sink"]
  ),
  checks: gauge(
    "kubernaut_health_check",
    "What a health check has found: 1 for its status, 0 for the two others. Unknown is not healthy.",
    ["check", "layer", "status"]
  )
})

/** What the service has done since the database exists. */
const figureInstruments = ({ gauge }: Registering) => ({
  alerts: gauge(
    "kubernaut_business_alerts",
    "Remediations that the database has ever held, by the state that they have now. Survives restarts, and includes the archive.",
    ["state"]
  ),
  verdicts: gauge(
    "kubernaut_business_verdicts",
    "Actions that were judged since the database exists, by their verdict now: fixed, not-fixed or unknown. Includes the archive.",
    ["verdict"]
  ),
  actions: gauge(
    "kubernaut_business_actions",
    "Actions on the cluster since the database exists, by whether they were applied: yes, no, unknown, or pending. Includes the archive.",
    ["action", "outcome"]
  ),
  accuracy: gauge(
    "kubernaut_business_investigation_accuracy_ratio",
    "Share of the judged actions that have fixed the problem, 0 to 1. Absent until one was judged."
  ),
  actionSuccess: gauge(
    "kubernaut_business_action_success_ratio",
    "Share of the actions that were applied, among those that have ended, 0 to 1. Absent until one has ended."
  )
})

const instruments = (registering: Registering) => ({
  ...stateInstruments(registering),
  ...figureInstruments(registering)
})

const statuses = Finding.fields.status.literals

const setOrRemove = (gauge: Gauge, value: number | undefined): void => {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1000)

const flag = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : Number(value))

export class StandingInstruments {
  readonly #metrics: ReturnType<typeof instruments>

  constructor(registering: Registering) {
    this.#metrics = instruments(registering)
    // A gauge without labels begins at 0, which nobody knows yet.
    this.#clear()
  }

  readonly show = (standing: Standing): void => {
    const { backlog, emergencyStop, figures, findings = [], level, oldestReviewMs, storageUp, watchdogAgeMs } = standing
    this.#metrics.level.set(level)
    setOrRemove(this.#metrics.emergencyStop, flag(emergencyStop))
    setOrRemove(this.#metrics.storageUp, flag(storageUp))
    setOrRemove(this.#metrics.backlog, backlog)
    setOrRemove(this.#metrics.reviews, figures && (figures.alerts.AwaitingReview ?? 0))
    setOrRemove(this.#metrics.oldestReview, seconds(oldestReviewMs))
    setOrRemove(this.#metrics.watchdogAge, seconds(watchdogAgeMs))
    this.#showWaiting(standing)
    this.#metrics.checks.reset()
    for (const { layer, name: check, status } of findings)
      for (const each of statuses) this.#metrics.checks.set({ check, layer, status: each }, Number(each === status))
    this.#showFigures(figures)
  }

  #clear(): void {
    const {
      actions: _a,
      alerts: _b,
      checks: _c,
      notificationsOldest: _d,
      notificationsWaiting: _e,
      verdicts: _f,
      ...plain
    } = this.#metrics
    for (const metric of Object.values(plain)) metric.remove()
  }

  #showWaiting({ notifications = [], spool }: Standing): void {
    const { notificationsOldest, notificationsWaiting, spoolAlerts, spoolOldest, spoolUsable } = this.#metrics
    setOrRemove(spoolAlerts, spool?.alerts)
    setOrRemove(spoolOldest, spool && (seconds(spool.oldestMs) ?? (spool.alerts === 0 ? 0 : undefined)))
    setOrRemove(spoolUsable, flag(spool?.isUsable))
    notificationsWaiting.reset()
    notificationsOldest.reset()
    for (const { oldestMs = 0, sink, waiting } of notifications) {
      notificationsWaiting.set({ sink }, waiting)
      notificationsOldest.set({ sink }, oldestMs / 1000)
    }
  }

  #showFigures(figures: BusinessFigures | undefined): void {
    const { accuracy, actionSuccess, actions, alerts, verdicts } = this.#metrics
    for (const metric of [alerts, verdicts, actions]) metric.reset()
    setOrRemove(accuracy, figures && accuracyOf(figures))
    setOrRemove(actionSuccess, figures && actionSuccessOf(figures))
    if (figures === undefined) return
    for (const state of [...RemediationState.literals, "unrecorded"] as const)
      if (state !== "unrecorded" || figures.alerts.unrecorded !== undefined)
        alerts.set({ state }, figures.alerts[state] ?? 0)
    for (const verdict of Verdict.literals) verdicts.set({ verdict }, figures.verdicts[verdict] ?? 0)
    for (const { action, count, outcome } of figures.actions) actions.set({ action, outcome }, count)
  }
}
