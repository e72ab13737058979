/** The receivers of notifications fail in every way, while little else does. */

import { notificationFaults } from "../faults/kinds/Notifications.ts"
import { type Scenario, steady } from "./Scenario.ts"

export const notifications: Scenario = {
  ...steady,
  name: "notifications",
  incidentEveryMs: 60_000,
  notifications: true,
  service: {
    ...steady.service,
    mode: "approve",
    actors: { reviewTimeout: "10 minutes", approvalLifetime: "5 minutes" }
  },
  faults: [...notificationFaults.map(({ name }) => name), "process-crash", "storage-full", "kubernetes-unavailable"],
  faultShare: [0.5, 1],
  faultGapMs: [120_000, 1_200_000]
}
