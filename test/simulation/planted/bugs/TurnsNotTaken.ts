import type { PlantedBug } from "../PlantedBug.ts"

export const turnsNotTaken: PlantedBug = {
  name: "no turns",
  breaks: "In a storm, all targets are acted on at once.",
  edits: [
    {
      file: "remediation/DecideInTurn.ts",
      search: `  if (!reasons.some(({ rule }) => rule === "approved")) return "turn"`,
      replace: `  if (!reasons.some(({ rule }) => rule === "approved")) return "view"`
    }
  ],
  foundBy: "blast-radius-kept",
  withinSeeds: 2,
  run: "actingStorm"
}
