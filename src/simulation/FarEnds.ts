/** All far ends, by name. One that is added here is made for every run, and faults may take hold of it. */

import type { FarEnd, Setting } from "./FarEnd.ts"
import { Alertmanager } from "./farEnds/Alertmanager.ts"
import { Cluster } from "./farEnds/Cluster.ts"
import { Database } from "./farEnds/Database.ts"
import { Drill } from "./farEnds/Drill.ts"
import { HolmesGpt } from "./farEnds/HolmesGpt.ts"
import { LanguageModels } from "./farEnds/LanguageModels.ts"
import { Operators } from "./farEnds/Operators.ts"
import { TelemetrySink } from "./farEnds/TelemetrySink.ts"
import type { ServiceProcess } from "./ServiceProcess.ts"

export interface FarEnds {
  readonly database: Database
  readonly cluster: Cluster
  readonly holmesgpt: HolmesGpt
  readonly languageModels: LanguageModels
  readonly alertmanager: Alertmanager
  readonly operators: Operators
  readonly telemetrySink: TelemetrySink
  readonly drill: Drill
}

export type FarEndName = keyof FarEnds

/** The far ends of one run, in the order in which they begin. */
export const make = (setting: Setting, service: ServiceProcess): FarEnds => {
  const cluster = new Cluster(setting)
  const alertmanager = new Alertmanager(setting, cluster, service)
  return {
    database: new Database(setting),
    cluster,
    holmesgpt: new HolmesGpt(setting, cluster),
    languageModels: new LanguageModels(setting, cluster),
    alertmanager,
    operators: new Operators(setting, service),
    telemetrySink: new TelemetrySink(setting),
    drill: new Drill(setting, service, alertmanager, cluster)
  } satisfies Record<FarEndName, FarEnd>
}
