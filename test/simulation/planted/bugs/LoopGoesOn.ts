import type { PlantedBug } from "../PlantedBug.ts"

export const loopGoesOn: PlantedBug = {
  name: "a loop goes on",
  breaks: "The service and another controller change a workload by turns, without end.",
  edits: [
    {
      file: "decision/RolloutLoop.ts",
      search: `  if (second === undefined) return undefined`,
      replace: `  if (second === undefined || second !== undefined) return undefined`
    }
  ],
  foundBy: "no-loop-longer-than-two-turns",
  withinSeeds: 4,
  run: "reverts"
}
