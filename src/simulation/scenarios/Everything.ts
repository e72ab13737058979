/**
 * Everything that can be switched on, together, under every fault: models, the change journal, notifications, the
 * pressure of the container, the Alertmanager's API, traces, symptoms, visitors, and people who roll back.
 *
 * The other scenarios show one capability with its own faults. This one finds what only a combination breaks. Each run
 * draws its own share of the fault kinds, so that few kinds hide others in all runs.
 */

import { type Scenario, models } from "./Scenario.ts"

export const everything: Scenario = {
  ...models,
  name: "everything",
  incidentEveryMs: 3.75 * 60_000,
  service: { ...models.service, changes: {} },
  symptoms: true,
  rollbackShare: 0.1,
  telemetry: true,
  notifications: true,
  pressure: true,
  watchdog: true,
  visitors: true
}
