import type { PlantedBug } from "../PlantedBug.ts"

export const clusterListsAgain: PlantedBug = {
  name: "lists are retried beneath the pipeline",
  breaks: "A failed list is retried five times at once, below the pipeline and its retry budget.",
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
