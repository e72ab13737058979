import { assert, it } from "@effect/vitest"
import * as Faults from "../../../src/simulation/faults/Faults.ts"

it("the effects of the faults of every target are tested in a file in kinds", () => {
  const files = {
    alertList: "Emergencies",
    alertmanager: "Alertmanager",
    changes: "Changes",
    cluster: "Cluster",
    container: "Emergencies",
    database: "Database",
    models: "Models and Dependency",
    network: "Network",
    notificationSinks: "Notifications",
    service: "Service",
    spoolFolder: "SpoolFolder",
    telemetrySink: "TelemetrySink",
    time: "Service"
  }
  assert.deepStrictEqual([...new Set(Faults.all.map(({ target }) => target))].sort(), Object.keys(files).sort())
})
