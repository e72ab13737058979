import type { PlantedBug } from "../PlantedBug.ts"

export const healthyCalledFixed: PlantedBug = {
  name: "healthy is called fixed",
  breaks: "A workload that was healthy before and after a restart counts as repaired while its alert fires.",
  edits: [
    {
      file: "verification/Judge.ts",
      search: `  if (gone.length > 0 && alert !== "ending")`,
      replace: `  if (gone.length >= 0)`
    }
  ],
  foundBy: "never-falsely-fixed",
  withinSeeds: 10,
  run: "symptoms"
}
