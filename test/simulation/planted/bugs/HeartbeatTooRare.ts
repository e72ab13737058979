import type { PlantedBug } from "../PlantedBug.ts"

export const heartbeatTooRare: PlantedBug = {
  name: "the heartbeat is too rare",
  breaks:
    "It is posted every four minutes and ends after three, so the dead man's switch pages while nothing is wrong.",
  edits: [
    { file: "notification/Heartbeat.ts", search: `Effect.sleep("1 minute")`, replace: `Effect.sleep("4 minutes")` }
  ],
  foundBy: "heartbeat-arrives",
  withinSeeds: 1,
  run: "sinks"
}
