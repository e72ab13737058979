import type { PlantedBug } from "../PlantedBug.ts"

export const logsPastTheBulkhead: PlantedBug = {
  name: "logs are read past the bulkhead",
  breaks:
    "Logs are read without the pipeline, so that a slow API server has all the requests of a storm in flight at once.",
  edits: [
    {
      file: "kubernetes/ResilientClient.ts",
      search: `    logs: (pod, options) => read(named("logs", pod), client.logs(pod, options)),`,
      replace: `    logs: client.logs,`
    }
  ],
  foundBy: "bulkhead-respected",
  withinSeeds: 2,
  run: "slowCluster"
}
