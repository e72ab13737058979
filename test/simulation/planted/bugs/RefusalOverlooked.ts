import type { PlantedBug } from "../PlantedBug.ts"

export const refusalOverlooked: PlantedBug = {
  name: "refusal overlooked",
  breaks: "Nobody is told that a quota refuses the pods of a change that the API server had accepted.",
  edits: [
    {
      file: "kubernetes/WorkloadReader.ts",
      search: `failedCreate: failedCreateOf(object, replicaSets) ?? failedCreateIn(observation.events ?? []),`,
      replace: `failedCreate: null,`
    }
  ],
  foundBy: "late-refusals-told",
  withinSeeds: 3,
  run: "lateRefusals"
}
