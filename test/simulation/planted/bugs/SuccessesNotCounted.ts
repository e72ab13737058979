import type { PlantedBug } from "../PlantedBug.ts"

export const successesNotCounted: PlantedBug = {
  name: "successes of a half-open circuit are lost",
  breaks:
    "The circuit to the API server restarts its count with every success, so it never closes after the server has recovered.",
  edits: [
    {
      file: "resilience/breaker/Circuit.ts",
      search: `: [{ ...state, permits, successesInARow, isProven }, none]`,
      replace: `: [{ ...state, permits, successesInARow: 0, isProven }, none]`
    }
  ],
  foundBy: "healed-at-end",
  withinSeeds: 1,
  run: "blackout"
}
