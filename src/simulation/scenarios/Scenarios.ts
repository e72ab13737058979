/** All scenarios by name: whatever `Scenario.ts`, `ServiceDown.ts` and `TelemetryDown.ts` export as one. */

import * as Scenario from "./Scenario.ts"
import * as ServiceDown from "./ServiceDown.ts"
import * as TelemetryDown from "./TelemetryDown.ts"

const isScenario = (exported: unknown): exported is Scenario.Scenario =>
  typeof exported === "object"
  && exported !== null
  && "name" in exported
  && "durationMs" in exported
  && "workloads" in exported

export const all: ReadonlyArray<Scenario.Scenario> = [
  ...Object.values(Scenario),
  ...Object.values(ServiceDown),
  ...Object.values(TelemetryDown)
].filter(isScenario)

export const byName: ReadonlyMap<string, Scenario.Scenario> = new Map(all.map((scenario) => [scenario.name, scenario]))
