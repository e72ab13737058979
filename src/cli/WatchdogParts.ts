/** The watch on the alert that always fires, if an Alertmanager is configured. */

import { Effect, Layer } from "effect"
import { HealthSupervisor } from "../health/HealthSupervisor.ts"
import * as Watchdog from "../health/Watchdog.ts"
import * as AlertCluster from "../intake/AlertCluster.ts"
import type { AlertReceived } from "../intake/Intake.ts"
import * as EndOfSilence from "../notification/EndOfSilence.ts"
import type { EventHub } from "../resilience/EventHub.ts"
import { AuditLog } from "../storage/AuditLog.ts"
import type { Outbox } from "../storage/Outbox.ts"
import { FiringAlerts } from "../verification/FiringAlerts.ts"
import type { Settings } from "./settings/Settings.ts"

type WatchdogSettings = Pick<
  Settings,
  "alertmanagerUrl" | "clusterAliases" | "clusterLabels" | "clusterName" | "watchdogAlert" | "watchdogTimeout"
>

/** One Alertmanager may serve several clusters, and that of another one says nothing about ours. */
const isOurs = ({ clusterAliases, clusterLabels, clusterName: cluster }: WatchdogSettings) => {
  const notOurs = AlertCluster.make({ cluster, clusterAliases, clusterLabels })
  return (labels: Readonly<Record<string, string>>): boolean => notOurs(labels) === undefined
}

/** The name of the alert; `undefined`: nothing watches it. */
export const alertOf = ({ watchdogAlert }: Pick<Settings, "watchdogAlert">): string | undefined =>
  watchdogAlert === "off" ? undefined : watchdogAlert

const watching = (settings: WatchdogSettings, alert: string, alerts: EventHub<AlertReceived>) =>
  Layer.effect(
    Watchdog.Watchdog,
    Effect.gen(function* () {
      const { lists } = yield* FiringAlerts
      const audit = yield* AuditLog
      const { add } = yield* HealthSupervisor
      const watchdog = yield* Watchdog.make({
        alert,
        timeout: settings.watchdogTimeout,
        lists: lists === undefined ? Effect.undefined : lists(alert, isOurs(settings)),
        tell: (told) => Effect.asVoid(audit.record({ actor: "kubernaut", ...told }))
      })
      yield* alerts.listen((event) => {
        if (event.watchdog === true) watchdog.seen()
      })
      yield* add(watchdog.check)
      return watchdog
    })
  )

const endOfSilence = Layer.effectDiscard(Effect.forkScoped(EndOfSilence.run))

/** Provides `Watchdog` and adds its check, if there is an Alertmanager and the watch is not off. */
export const layer = (
  settings: WatchdogSettings,
  alerts: EventHub<AlertReceived>
  // Parts look for `Watchdog` as an optional service.
): Layer.Layer<never, never, AuditLog | FiringAlerts | HealthSupervisor | Outbox> => {
  const alert = alertOf(settings)
  return alert === undefined || settings.alertmanagerUrl === undefined
    ? endOfSilence
    : watching(settings, alert, alerts)
}
