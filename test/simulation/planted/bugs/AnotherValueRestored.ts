import type { PlantedBug } from "../PlantedBug.ts"

export const anotherValueRestored: PlantedBug = {
  name: "another value restored",
  breaks: "A rollback writes another value than the one from before the action, and calls it restored.",
  edits: [
    {
      file: "execution/Rollback.ts",
      search: `(before === undefined ? unset(path) : set(path, before))`,
      replace: `(typeof before !== "number" ? unset(path) : set(path, before + 2))`
    },
    {
      file: "execution/Restoration.ts",
      search: `  if (fields.length > 0)`,
      replace: `  if (fields.length > 100)`
    },
    {
      file: "execution/RollbackExecutor.ts",
      search: `exact && sameRef(ref, baseline.ref) ? baseline.spec : undefined`,
      replace: `exact && ref.kind === "" ? baseline.spec : undefined`
    }
  ],
  foundBy: "inverse-restores-exactly",
  withinSeeds: 2,
  run: "useless"
}
