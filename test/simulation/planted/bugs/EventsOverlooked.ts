import type { PlantedBug } from "../PlantedBug.ts"

export const eventsOverlooked: PlantedBug = {
  name: "events overlooked",
  breaks: "Nobody is told that the pods of a StatefulSet or a DaemonSet are refused, of which only events say it.",
  edits: [
    {
      file: "kubernetes/WorkloadReader.ts",
      search: "  if (!lacksPods(state)) return state\n",
      replace: "  if (lacksPods(state)) return state\n"
    }
  ],
  foundBy: "late-refusals-told",
  withinSeeds: 3,
  run: "setRestarts"
}
