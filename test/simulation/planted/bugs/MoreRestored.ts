import type { PlantedBug } from "../PlantedBug.ts"

export const moreRestored: PlantedBug = {
  name: "more is restored than was changed",
  breaks: "A restored field takes the fields beside it with it.",
  edits: [
    {
      file: "execution/actions/RestoredFields.ts",
      search: `if (typeof last !== "object" || exists) return set(steps, before)`,
      replace: `if (typeof last !== "object" || exists) return set(steps.slice(0, -1), { [String(last)]: before })`
    }
  ],
  foundBy: "restores-recorded-fields",
  withinSeeds: 5,
  run: "changesRolledBack"
}
