/** All scenarios, each with what must hold in it beyond the invariants of every run. A new scenario is a line here. */

import { criticalFirst } from "../invariants/CriticalFirst.ts"
import type { Invariant } from "../invariants/Invariant.ts"
import { telemetryNeverHoldsUp } from "../invariants/TelemetryNeverHoldsUp.ts"
import { changes } from "./Changes.ts"
import { emergencies } from "./Emergencies.ts"
import { everything } from "./Everything.ts"
import { notifications } from "./Notifications.ts"
import { overload } from "./Overload.ts"
import { rollbacks } from "./Rollbacks.ts"
import { models, month, reviews, type Scenario, secrets, single, steady } from "./Scenario.ts"
import * as ServiceDown from "./ServiceDown.ts"
import { symptoms } from "./Symptoms.ts"
import { telemetry } from "./TelemetryDown.ts"

const registry: ReadonlyArray<readonly [scenario: Scenario, ...expectations: ReadonlyArray<Invariant>]> = [
  [changes],
  [emergencies],
  [everything],
  [models],
  [month],
  [notifications],
  [overload, criticalFirst],
  [reviews],
  [rollbacks],
  [secrets],
  [single],
  [steady],
  [symptoms],
  [ServiceDown.allAiDown, ServiceDown.rulesTakeOverFromAll],
  [ServiceDown.holmesGptDown, ServiceDown.llmsTakeOver],
  [ServiceDown.llmDown, ServiceDown.rulesTakeOverFromLlms],
  [telemetry, telemetryNeverHoldsUp]
]

/** Every registered scenario, in the order of the command line's help. */
export const all: ReadonlyArray<Scenario> = registry.map(([scenario]) => scenario)

/** The registered scenarios by `name`, as `Runner.RunRequest` names them. */
export const byName: ReadonlyMap<string, Scenario> = new Map(all.map((scenario) => [scenario.name, scenario]))

/** What must hold in the registered scenario of this name, checked in each of its runs; nothing for other scenarios. */
export const expectationsOf = ({ name }: Scenario): ReadonlyArray<Invariant> => {
  const [, ...expectations] = registry.find(([scenario]) => scenario.name === name) ?? []
  return expectations
}
