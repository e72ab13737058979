import type { PlantedBug } from "../PlantedBug.ts"

export const nobodyTakesOver: PlantedBug = {
  name: "nobody takes over",
  breaks: "A critical alert joins an info alert, which is only observed, and nobody ever works on it.",
  edits: [
    {
      file: "storage/sqlite/Handover.ts",
      search: `const wanted = isFinal(ended.state) ? takesOver(ended) : "none"`,
      replace: `const wanted: "any" | "better" | "none" = "none"`
    }
  ],
  foundBy: "severe-alerts-are-worked",
  withinSeeds: 3,
  run: "severities"
}
