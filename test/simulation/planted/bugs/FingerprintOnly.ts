import type { PlantedBug } from "../PlantedBug.ts"

export const fingerprintOnly: PlantedBug = {
  name: "a resolution ends no episode",
  breaks: "An alert that fires again days later is taken for a repeat of the first: nobody looks at it.",
  edits: [
    {
      file: "storage/sqlite/Episode.ts",
      search: `applies: ({ resolved }) => resolved, means: "new"`,
      replace: `applies: ({ resolved }) => resolved, means: "repeat"`
    }
  ],
  foundBy: "firing-again-is-work",
  withinSeeds: 3,
  run: "episodes"
}
