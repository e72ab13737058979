import type { PlantedBug } from "../PlantedBug.ts"

export const risesNotCounted: PlantedBug = {
  name: "the rises of the level are not counted",
  breaks: "The level rises whenever something better has lasted, several times in 5 minutes.",
  edits: [
    {
      file: "health/LevelTransition.ts",
      search: "Math.max(before.roseMs + times.betweenRisesMs, atOf(best))",
      replace: "atOf(best)"
    }
  ],
  foundBy: "level-follows",
  withinSeeds: 5,
  run: "flappingModels"
}
