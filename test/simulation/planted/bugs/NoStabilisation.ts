import type { PlantedBug } from "../PlantedBug.ts"

export const noStabilisation: PlantedBug = {
  name: "no stabilisation",
  breaks: "A workload counts as repaired at the first moment at which it looks well.",
  edits: [
    {
      file: "verification/Judge.ts",
      search: "last.objectAtMs - healthySince >= settings.stabilisationMs",
      replace: "healthySince <= nowMs"
    }
  ],
  foundBy: "never-falsely-fixed",
  withinSeeds: 10,
  run: "restoredFails"
}
