import type { PlantedBug } from "../PlantedBug.ts"

export const undoneTwice: PlantedBug = {
  name: "undone twice",
  breaks: "A rollback that has succeeded is planned and written again, over whatever came after it.",
  edits: [
    {
      file: "remediation/NextRollbackStep.ts",
      search: `      return next(self, rollback, undone) ?? restored(self, rollback)`,
      replace: `      return planAgain(self, rollback, undone, found)`
    },
    {
      file: "execution/Rollback.ts",
      search: `  return sameValue(now, before) ? "before" : "other"`,
      replace: `  return sameValue(now, before) ? "written" : "other"`
    },
    {
      file: "execution/Rollback.ts",
      search: `trigger !== "operator" && foreign._tag === "Fields"`,
      replace: `trigger === "operator" && foreign._tag === "Fields"`
    }
  ],
  foundBy: "rolled-back-at-most-once",
  withinSeeds: 2,
  run: "useless"
}
