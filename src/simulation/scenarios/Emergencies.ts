/**
 * The degradation level through everything that moves it: models, cluster, database and Alertmanager come and go, alone
 * and all at once, probes lie, the container is full, and operators declare and end emergencies. People are notified.
 */

import { type Scenario, models } from "./Scenario.ts"

export const emergencies: Scenario = {
  ...models,
  name: "emergencies",
  notifications: true,
  pressure: true,
  watchdog: true,
  visitors: true,
  faults: [
    "service-down",
    "flapping",
    "error-storm",
    "dependency-hang",
    "probes-lie",
    "total-isolation",
    "container-pressure",
    "operator-declares-emergency",
    "alertmanager-away",
    "prometheus-silent",
    "kubernetes-unavailable",
    "storage-down",
    "storage-full",
    "spool-full",
    "sink-down",
    "process-crash"
  ],
  faultShare: [0.4, 1],
  faultGapMs: [240_000, 1_800_000]
}
