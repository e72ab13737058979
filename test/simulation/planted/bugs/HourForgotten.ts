import type { PlantedBug } from "../PlantedBug.ts"

export const hourForgotten: PlantedBug = {
  name: "no budget of the hour",
  breaks: "A storm of alerts spends the money of a day in minutes.",
  edits: [
    {
      file: "investigation/spend/Budget.ts",
      search: `["day", "hour", "incident"]`,
      replace: `["incident"]`
    }
  ],
  foundBy: "spend-true",
  withinSeeds: 6,
  run: "spending"
}
