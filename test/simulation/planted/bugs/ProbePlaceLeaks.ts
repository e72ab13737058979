import type { PlantedBug } from "../PlantedBug.ts"

/** Two mistakes: with the lease of a place in force, a leak heals after a minute. */
export const probePlaceLeaks: PlantedBug = {
  name: "probe place leaks",
  breaks: "A probe that ends without an outcome keeps its place in the half-open circuit, which so never closes.",
  edits: [
    {
      file: "resilience/breaker/Circuit.ts",
      search: `      if (event.outcome === "ignored") return [{ ...state, places }, none]`,
      replace: `      if (event.outcome === "ignored") return [state, none]`
    },
    {
      file: "resilience/breaker/Circuit.ts",
      search: `      return [{ ...state, places: state.places.filter((place) => place.untilMs > nowMs) }, none]`,
      replace: `      return [state, none]`
    }
  ],
  foundBy: "healed-at-end",
  withinSeeds: 2,
  run: "refusals"
}
