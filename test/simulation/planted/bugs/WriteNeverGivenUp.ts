import type { PlantedBug } from "../PlantedBug.ts"

export const writeNeverGivenUp: PlantedBug = {
  name: "a write is not given up",
  breaks:
    "So that no write is left half done, it can't be interrupted: one without an answer goes on for ever, and with it its remediation.",
  edits: [
    {
      file: "kubernetes/ResilientClient.ts",
      search: `pipeline.execute(attempt, classify)`,
      replace: `pipeline.execute(Effect.uninterruptible(attempt), classify)`
    }
  ],
  foundBy: "no-request-after-deadline",
  withinSeeds: 1,
  run: "silentWrites"
}
