import type { PlantedBug } from "../PlantedBug.ts"

export const gapForgotten: PlantedBug = {
  name: "a gap is forgotten",
  breaks: "The service says that nothing changed although the API server no longer had the events of an interval.",
  edits: [
    {
      file: "changes/WatchProgress.ts",
      search: `if (gap !== undefined && (isLost || seenAt === null))`,
      replace: `if (gap !== undefined && seenAt === null)`
    }
  ],
  foundBy: "gaps-never-quiet",
  withinSeeds: 2,
  run: "gaps"
}
