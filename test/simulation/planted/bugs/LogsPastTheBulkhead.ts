import type { PlantedBug } from "../PlantedBug.ts"

export const logsPastTheBulkhead: PlantedBug = {
  name: "logs are read past the bulkhead",
  breaks: "Logs are read without the pipeline, so all requests of a storm are in flight at a slow API server at once.",
  edits: [
    {
      file: "kubernetes/ResilientClient.ts",
      search: `    logs: (pod, options) => folded(named("logs", pod), () => client.logs(pod, options)),`,
      replace: `    logs: client.logs,`
    }
  ],
  foundBy: "bulkhead-respected",
  withinSeeds: 2,
  run: "slowCluster"
}
