import type { PlantedBug } from "../PlantedBug.ts"

export const replayedTwice: PlantedBug = {
  name: "an entry of the spool that the database has is stored again",
  breaks: "After a crash during the replay, an alert that has ended fires again, for ever.",
  edits: [
    {
      file: "storage/sqlite/SqliteSpoolStore.ts",
      search: "before.sequence >= post.sequence) return repeat",
      replace: "before.sequence > post.sequence) return repeat"
    }
  ],
  foundBy: "spool-in-order",
  withinSeeds: 2,
  run: "tornSpool"
}
