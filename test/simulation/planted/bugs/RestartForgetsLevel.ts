import type { PlantedBug } from "../PlantedBug.ts"

export const restartForgetsLevel: PlantedBug = {
  name: "a restart forgets the level",
  breaks: "A restarted process begins at level 0, and asks models that are known to be out.",
  edits: [
    {
      file: "wiring/HealthParts.ts",
      search: "...(Option.isNone(kept) ? {} : { kept: kept.value })",
      replace: "...(Option.isNone(kept) ? {} : {})"
    }
  ],
  foundBy: "level-follows",
  withinSeeds: 5,
  run: "flappingModels"
}
