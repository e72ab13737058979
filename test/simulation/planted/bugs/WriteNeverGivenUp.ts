import type { PlantedBug } from "../PlantedBug.ts"

export const writeNeverGivenUp: PlantedBug = {
  name: "a write is not given up",
  breaks: "A write is uninterruptible, so one without a response never ends, and neither does its remediation.",
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
