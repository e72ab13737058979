import type { PlantedBug } from "../PlantedBug.ts"

export const numberGivenTwice: PlantedBug = {
  name: "an entry of the spool gets a number twice",
  breaks:
    "A crash while a long spool is emptied brings its first entries back. The alerts of the next ones are acknowledged and then dropped as repeats.",
  edits: [
    {
      file: "storage/spool/SpoolFile.ts",
      search: `  yield* disk.write(file.name, 0, new Uint8Array(Math.min(file.end, reservedBytes)))
  yield* disk.sync(file.name)
  if (file.end > reservedBytes) yield* disk.cut(file.name, reservedBytes)
`,
      replace: `  if (file.end > reservedBytes) yield* disk.cut(file.name, reservedBytes)
  yield* disk.write(file.name, 0, new Uint8Array(Math.min(file.end, reservedBytes)))
  yield* disk.sync(file.name)
`
    },
    {
      file: "storage/spool/SpoolFile.ts",
      search: "use, end, waiting",
      replace: "use, spool: use, sequence: places.at(-1)?.sequence ?? 0, end, waiting"
    }
  ],
  foundBy: "spool-in-order",
  withinSeeds: 3,
  run: "emptiedSpool"
}
