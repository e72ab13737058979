import { assert, it } from "@effect/vitest"
import * as Faults from "../../../src/simulation/faults/Faults.ts"

it("the effects of the faults of every target are tested in a file in kinds", () => {
  const files = {
    alertmanager: "Alertmanager",
    changes: "Changes",
    cluster: "Cluster",
    database: "Database",
    models: "Models and Dependency",
    network: "Network",
    service: "Service",
    telemetrySink: "TelemetrySink",
    time: "Service"
  }
  assert.deepStrictEqual([...new Set(Faults.all.map(({ target }) => target))].sort(), Object.keys(files).sort())
})
