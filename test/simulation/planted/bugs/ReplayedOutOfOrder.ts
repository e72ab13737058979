import type { PlantedBug } from "../PlantedBug.ts"

export const replayedOutOfOrder: PlantedBug = {
  name: "the newest entry of the spool is replayed first",
  breaks: "The end of an alert is stored before its beginning, and the alert fires for ever.",
  edits: [
    {
      file: "storage/spool/SpoolFiles.ts",
      search: `      const place = file?.waiting[0]
      if (file`,
      replace: `      const place = file?.waiting.at(-1)
      if (file`
    }
  ],
  foundBy: "spool-in-order",
  withinSeeds: 3,
  run: "spooled"
}
