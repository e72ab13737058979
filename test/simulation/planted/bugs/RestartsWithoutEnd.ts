import type { PlantedBug } from "../PlantedBug.ts"

export const restartsWithoutEnd: PlantedBug = {
  name: "restart intensity is not respected",
  breaks: "A child that ends at once is restarted for ever, and nobody is told.",
  edits: [
    {
      file: "resilience/supervision/Supervisor.ts",
      search: `      if (recent.length >= maxRestarts) return this.escalate(child, cause)
`,
      replace: ``
    }
  ],
  foundBy: "restart-intensity",
  withinSeeds: 2,
  run: "brokenStorage"
}
