import type { PlantedBug } from "../PlantedBug.ts"

export const noPatience: PlantedBug = {
  name: "no patience with own limits",
  breaks: "In an alert storm a person is told that the cluster could not be read, although the service never asked it.",
  edits: [
    {
      file: "remediation/Remediation.ts",
      search: `Patience.make(options.patience ?? defaultPatience)`,
      replace: `Patience.make(0)`
    }
  ],
  foundBy: "own-limits-say-nothing",
  withinSeeds: 2,
  run: "ownOverload"
}
