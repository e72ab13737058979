import type { PlantedBug } from "../PlantedBug.ts"

export const endsWithItsLead: PlantedBug = {
  name: "an alert ends with the one it joined",
  breaks: "The alert that leads is resolved, and the others about the same workload are forgotten although they fire.",
  edits: [
    {
      file: "storage/sqlite/Handover.ts",
      search: `ended.alertResolvedAt === undefined ? "none" : "any"`,
      replace: `"none"`
    }
  ],
  foundBy: "severe-alerts-are-worked",
  withinSeeds: 3,
  run: "leads"
}
