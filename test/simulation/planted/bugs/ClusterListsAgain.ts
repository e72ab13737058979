import type { PlantedBug } from "../PlantedBug.ts"

export const clusterListsAgain: PlantedBug = {
  name: "lists are retried beneath the pipeline",
  breaks:
    "A list that the API server does not answer is asked for five times at once, beneath the pipeline and its budget.",
  edits: [
    {
      file: "kubernetes/ResilientClient.ts",
      search: `client.list(kind, options))`,
      replace: `Effect.retry(client.list(kind, options), { times: 4 }))`
    }
  ],
  foundBy: "amplification",
  withinSeeds: 1,
  run: "goneLists"
}
