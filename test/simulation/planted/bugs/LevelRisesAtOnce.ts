import type { PlantedBug } from "../PlantedBug.ts"

export const levelRisesAtOnce: PlantedBug = {
  name: "the level rises at once",
  breaks: "A service that comes and goes makes the level flap.",
  edits: [
    {
      file: "health/LevelTransition.ts",
      search: "dwellMs: 30_000",
      replace: "dwellMs: 0"
    }
  ],
  foundBy: "level-follows",
  withinSeeds: 5,
  run: "flappingModels"
}
