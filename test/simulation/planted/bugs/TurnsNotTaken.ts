import type { PlantedBug } from "../PlantedBug.ts"

export const turnsNotTaken: PlantedBug = {
  name: "no turns",
  breaks: "In a storm, all targets are acted on at once.",
  edits: [
    {
      file: "remediation/DecideInTurn.ts",
      search: `  if (!Equal.equals(approval?.action, action)) return "turn"`,
      replace: `  if (!Equal.equals(approval?.action, action)) return "nothing"`
    }
  ],
  foundBy: "blast-radius-kept",
  withinSeeds: 2,
  run: "actingStorm"
}
