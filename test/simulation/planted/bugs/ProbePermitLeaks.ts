import type { PlantedBug } from "../PlantedBug.ts"

/** Two mistakes: with the lease of a permit in force, a leak heals after a minute. */
export const probePermitLeaks: PlantedBug = {
  name: "probe permit leaks",
  breaks:
    "A probe that ends with neither success nor failure keeps its permit of the half-open circuit, which therefore never closes.",
  edits: [
    {
      file: "resilience/breaker/Circuit.ts",
      search: `      if (event.outcome === "ignored") return [{ ...state, permits }, none]`,
      replace: `      if (event.outcome === "ignored" || isOfNoUse) return [state, none]`
    },
    {
      file: "resilience/breaker/Circuit.ts",
      search: `      return [{ ...state, permits: state.permits.filter((permit) => permit.untilMs > nowMs) }, none]`,
      replace: `      return [state, none]`
    }
  ],
  foundBy: "healed-at-end",
  withinSeeds: 2,
  run: "refusals"
}
