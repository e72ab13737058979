import type { PlantedBug } from "../PlantedBug.ts"

export const successesNotCounted: PlantedBug = {
  name: "successes of a half-open circuit are lost",
  breaks:
    "The circuit to the API server begins anew to count with every success, and so never closes, though the server is long back.",
  edits: [
    {
      file: "resilience/breaker/Circuit.ts",
      search: `: [{ ...state, places, successesInARow }, none]`,
      replace: `: [{ ...state, places, successesInARow: 0 }, none]`
    }
  ],
  foundBy: "healed-at-end",
  withinSeeds: 1,
  run: "blackout"
}
