import type { PlantedBug } from "../PlantedBug.ts"

export const stopReadOnce: PlantedBug = {
  name: "the emergency stop is not asked for",
  breaks: "Actions start although an operator has stopped them.",
  edits: [
    {
      file: "remediation/stages/Decide.ts",
      search: "emergencyStop: Option.isSome(yield* stops.current),",
      replace: "emergencyStop: Option.isSome(yield* stops.current) && false,"
    },
    {
      file: "remediation/stages/Execute.ts",
      search: "      mayNotStart: stopOf(stops),\n",
      replace: ""
    }
  ],
  foundBy: "stop-respected",
  withinSeeds: 3,
  run: "stopped"
}
