import type { PlantedBug } from "../PlantedBug.ts"

export const rampForgotten: PlantedBug = {
  name: "a model that comes back gets all calls at once",
  breaks: "A model that has just started is overrun, and goes down again.",
  edits: [
    {
      file: "investigation/chain/Walk.ts",
      search: "return !(yield* tier.ramp.admits)",
      replace: "return false"
    }
  ],
  foundBy: "no-stampede",
  withinSeeds: 2,
  run: "backAgain"
}
