import type { PlantedBug } from "../PlantedBug.ts"

export const restartsWithoutEnd: PlantedBug = {
  name: "restart intensity is not respected",
  breaks: "A child that ends at once is restarted for ever, and nobody is told.",
  edits: [
    {
      file: "resilience/supervision/RestartDecision.ts",
      search: `  if (recentMs.length >= maxRestarts) return { _tag: "Escalate", freshBackoff }
`,
      replace: ``
    }
  ],
  foundBy: "restart-intensity",
  withinSeeds: 2,
  run: "brokenStorage"
}
