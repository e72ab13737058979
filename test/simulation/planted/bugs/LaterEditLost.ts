import type { PlantedBug } from "../PlantedBug.ts"

export const laterEditLost: PlantedBug = {
  name: "a restoration names no version",
  breaks: "Somebody corrects a field while the service takes the wrong change back, and the correction is gone.",
  edits: [
    {
      file: "execution/ObjectPatch.ts",
      search: `patch: [version, ...requested.forward, ...signed.forward]`,
      replace: `patch: [...requested.forward, ...signed.forward]`
    }
  ],
  foundBy: "later-edits-kept",
  withinSeeds: 5,
  run: "changes"
}
