/** The settings of Alertmanager, and of the watch on the alert that always fires. */

import { Duration, Schema } from "effect"
import { DurationText } from "../../domain/DurationText.ts"
import { httpUrl, setting } from "./Setting.ts"

/** Prometheus sends firing alerts about once a minute, so a shorter silence says nothing. */
const Silence = DurationText.check(
  Schema.makeFilter((duration) =>
    Duration.toMillis(duration) >= Duration.toMillis(Duration.minutes(2))
    && Duration.toMillis(duration) <= Duration.toMillis(Duration.days(1))
      ? undefined
      : "Expected 2 minutes or more, and at most 1 day"
  )
)

export const alertmanager = {
  alertmanagerUrl: httpUrl({
    description:
      "URL of Alertmanager. With it, verification also asks whether the alert still fires; without it, the verdict depends on the workload and on webhooks.",
    example: "http://alertmanager:9093"
  }),
  watchdogAlert: setting(Schema.NonEmptyString, {
    form: "text",
    fallback: "Watchdog",
    description:
      "Name of the alert that always fires. With KUBERNAUT_ALERTMANAGER_URL, the service watches that it does: if it is not seen, alerts do not arrive, and the status, the metrics and the audit log say so. off: nobody notices.",
    expected: "the name of an alert, or off"
  }),
  watchdogTimeout: setting(Silence, {
    form: "text",
    fallback: "15 minutes",
    description: "How long that alert may not be seen until the alerting pipeline counts as silent.",
    expected: "a duration from 2 minutes to 1 day, such as 15 minutes"
  })
} as const
