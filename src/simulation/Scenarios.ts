/** All scenarios by name: whatever `Scenario.ts` exports as one. */
import * as Scenario from "./Scenario.ts"

const isScenario = (exported: unknown): exported is Scenario.Scenario =>
  typeof exported === "object" && exported !== null && "name" in exported && "durationMs" in exported && "workloads" in exported

export const all: ReadonlyArray<Scenario.Scenario> = Object.values(Scenario).filter(isScenario)

export const byName: ReadonlyMap<string, Scenario.Scenario> = new Map(all.map((scenario) => [scenario.name, scenario]))
