import type { PlantedBug } from "../PlantedBug.ts"

export const appendedBehindTheTornEnd: PlantedBug = {
  name: "the next entry is appended behind half of one",
  breaks:
    "After a second crash, the entry cannot be told from the half before it, and its acknowledged alerts are lost.",
  edits: [
    {
      file: "storage/spool/SpoolFiles.ts",
      search: `    yield* disk.cut(name, end)
`,
      replace: ``
    },
    {
      file: "storage/spool/SpoolFiles.ts",
      search: "sequence: places.at(-1)?.sequence ?? 0, end, waiting",
      replace: "sequence: places.at(-1)?.sequence ?? 0, end: end + dropped, waiting"
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 2,
  run: "tornSpool"
}
