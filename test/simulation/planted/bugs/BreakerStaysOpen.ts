import type { PlantedBug } from "../PlantedBug.ts"

export const breakerStaysOpen: PlantedBug = {
  name: "breaker does not leave open",
  breaks: "Milliseconds are taken for seconds: a circuit that has opened turns all calls away for the rest of the day.",
  edits: [
    {
      file: "resilience/breaker/Circuit.ts",
      search: `untilMs: nowMs + settings.openMs,`,
      replace: `untilMs: nowMs + settings.openMs * 1000,`
    }
  ],
  foundBy: "healed-at-end",
  withinSeeds: 2,
  run: "modelsDown"
}
