/** The receiver of the service's traces is down, hangs or is slow for a whole hour in which nothing else fails. */

import { telemetryFaults } from "../faults/kinds/Telemetry.ts"
import { type Scenario, steady } from "./Scenario.ts"

export const telemetry: Scenario = {
  ...steady,
  name: "telemetry",
  telemetry: true,
  faults: telemetryFaults.map(({ name }) => name),
  faultShare: [0.5, 1],
  faultGapMs: [120_000, 1_200_000]
}
