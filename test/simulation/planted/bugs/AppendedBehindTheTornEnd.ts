import type { PlantedBug } from "../PlantedBug.ts"

export const appendedBehindTheTornEnd: PlantedBug = {
  name: "the next entry is appended behind half of one",
  breaks:
    "After a second crash, the entry cannot be told from the half before it, and its acknowledged alerts are lost.",
  edits: [
    {
      file: "storage/spool/SpoolFile.ts",
      search: `    yield* takeBack(disk, { name, end }, dropped, reservedBytes)
`,
      replace: ``
    },
    {
      file: "storage/spool/SpoolFile.ts",
      search: "use, end, waiting",
      replace: "use, end: end + dropped, waiting"
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 2,
  run: "tornSpool"
}
