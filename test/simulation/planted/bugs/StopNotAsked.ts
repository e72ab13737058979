import type { PlantedBug } from "../PlantedBug.ts"

export const stopNotAsked: PlantedBug = {
  name: "the emergency stop is not asked for",
  breaks: "Actions start although an operator has stopped them.",
  edits: [
    {
      file: "remediation/stages/Decide.ts",
      search: 'emergencyStop: Option.isSome(yield* orders.current("emergency-stop")),',
      replace: 'emergencyStop: Option.isSome(yield* orders.current("emergency-stop")) && false,'
    },
    {
      file: "remediation/stages/Execute.ts",
      search: "      mayNotStart,\n",
      replace: ""
    }
  ],
  foundBy: "stop-respected",
  withinSeeds: 3,
  run: "stopped"
}
