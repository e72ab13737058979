import type { PlantedBug } from "../PlantedBug.ts"

export const anyObject: PlantedBug = {
  name: "an answer about any object",
  breaks: "A person who can make a pod log a line chooses which object of the cluster is acted on.",
  edits: [
    {
      file: "investigation/models/Answer.ts",
      search: `if (!isOwnObject(request, answer.action.target))`,
      replace: `if (answer.action.target.kind === "")`
    }
  ],
  foundBy: "scope-kept",
  withinSeeds: 1,
  run: "injected"
}
