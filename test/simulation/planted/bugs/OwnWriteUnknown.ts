import type { PlantedBug } from "../PlantedBug.ts"

export const ownWriteUnknown: PlantedBug = {
  name: "an own write is taken for a person's",
  breaks: "The service takes back what it has written itself, because it believes that a person has done it.",
  edits: [
    {
      file: "changes/Writers.ts",
      search: `["kubernaut", /^kubernaut$/],`,
      replace: `["person", /^kubernaut$/],`
    },
    // The change that was taken back and put back is as suspicious as the write that has put it back.
    {
      file: "changes/SuspectScore.ts",
      search: `export const similarShare = 0.8`,
      replace: `export const similarShare = 1`
    }
  ],
  foundBy: "no-undo-of-undo",
  withinSeeds: 10,
  run: "changesRolledBack"
}
