import type { PlantedBug } from "../PlantedBug.ts"

export const acknowledgedBeforeSync: PlantedBug = {
  name: "a spooled alert is acknowledged before the sync",
  breaks: "A 202 for an alert that is not on the disk of the spool: a loss of power loses it.",
  edits: [
    {
      file: "storage/spool/SpoolFiles.ts",
      search: `      yield* Effect.tapError(this.#disk.sync(file.name), () => {
        file.isSuspect = true
        return this.#takeBack(file, content.length)
      })
`,
      replace: ``
    }
  ],
  foundBy: "no-alert-lost",
  withinSeeds: 3,
  run: "spooled"
}
