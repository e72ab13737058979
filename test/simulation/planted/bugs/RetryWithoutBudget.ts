import type { PlantedBug } from "../PlantedBug.ts"

export const retryWithoutBudget: PlantedBug = {
  name: "retry without a budget",
  breaks: "While the API server is down, every request is tried five times over, however many there are.",
  edits: [
    {
      file: "resilience/pipeline/Execution.ts",
      search: `    if (retryBudget?.withdrawUnsafe(nowMs) === false) return "budget"
`,
      replace: ``
    }
  ],
  foundBy: "amplification",
  withinSeeds: 4,
  run: "hail"
}
