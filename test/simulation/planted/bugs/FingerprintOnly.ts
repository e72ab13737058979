import type { PlantedBug } from "../PlantedBug.ts"

export const fingerprintOnly: PlantedBug = {
  name: "dedupe on the fingerprint only",
  breaks: "An alert that fires again days later is taken for a repeat of the first: nobody looks at it.",
  edits: [
    {
      file: "storage/sqlite/AlertWrites.ts",
      search: `  previous?.starts_at === alert.startsAt`,
      replace: `  previous !== undefined`
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 3,
  run: "few"
}
