import type { PlantedBug } from "../PlantedBug.ts"

export const unknownCalledFixed: PlantedBug = {
  name: "unknown is called fixed",
  breaks: "A cluster that could not be read at the end of a verification counts as repaired.",
  edits: [
    {
      file: "verification/Judge.ts",
      search: `? verdict("unknown", reason("unreadable"`,
      replace: `? verdict("fixed", reason("unreadable"`
    }
  ],
  foundBy: "never-falsely-fixed",
  withinSeeds: 30,
  run: "blackout"
}
