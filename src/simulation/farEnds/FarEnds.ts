/** All far ends, by name. Each is built for every run, and faults may affect it. */

import { AlertList } from "./AlertList.ts"
import { Alertmanager } from "./Alertmanager.ts"
import { Cluster } from "./Cluster.ts"
import { Container } from "./Container.ts"
import { Database } from "./Database.ts"
import { Drill } from "./Drill.ts"
import type { FarEnd, Setting } from "./FarEnd.ts"
import { HolmesGpt } from "./HolmesGpt.ts"
import { LanguageModels } from "./LanguageModels.ts"
import { NeighbourCluster } from "./NeighbourCluster.ts"
import { NotificationSinks } from "./NotificationSinks.ts"
import { Operators } from "./Operators.ts"
import type { ServiceConnection } from "./ServiceConnection.ts"
import type { ServiceControl } from "./ServiceControl.ts"
import { SpoolFolder } from "./SpoolFolder.ts"
import { TelemetrySink } from "./TelemetrySink.ts"
import { Visitors } from "./Visitors.ts"

export interface FarEnds {
  readonly database: Database
  readonly spoolFolder: SpoolFolder
  readonly cluster: Cluster
  readonly holmesgpt: HolmesGpt
  readonly languageModels: LanguageModels
  readonly alertmanager: Alertmanager
  readonly neighbourCluster: NeighbourCluster
  readonly alertList: AlertList
  readonly operators: Operators
  readonly container: Container
  readonly visitors: Visitors
  readonly telemetrySink: TelemetrySink
  readonly notificationSinks: NotificationSinks
  readonly drill: Drill
}

export type FarEndName = keyof FarEnds

/** The far ends of one run, in the order in which they start. */
export const make = (setting: Setting, service: ServiceConnection & ServiceControl): FarEnds => {
  const cluster = new Cluster(setting)
  const alertmanager = new Alertmanager(setting, cluster, service)
  return {
    database: new Database(setting),
    spoolFolder: new SpoolFolder(setting),
    cluster,
    holmesgpt: new HolmesGpt(setting, cluster),
    languageModels: new LanguageModels(setting, cluster),
    alertmanager,
    neighbourCluster: new NeighbourCluster(setting, cluster, alertmanager),
    alertList: new AlertList(setting, alertmanager, cluster),
    operators: new Operators(setting, service),
    container: new Container(setting),
    visitors: new Visitors(setting, service),
    telemetrySink: new TelemetrySink(setting),
    notificationSinks: new NotificationSinks(setting),
    drill: new Drill(setting, service, alertmanager, cluster)
  } satisfies Record<FarEndName, FarEnd>
}
