import type { PlantedBug } from "../PlantedBug.ts"

/**
 * Three changes: with 10 s for a first sign and a deadline of 30 s, as long as a circuit is open, no outcome comes so
 * late. Real servers are given more.
 */
export const lateOutcomeCounts: PlantedBug = {
  name: "a late outcome counts",
  breaks: "The outcome of a call from before an outage closes or opens the circuit of a later time.",
  edits: [
    {
      file: "investigation/chain/TierPipeline.ts",
      search: `?? "30 seconds"`,
      replace: `?? "2 minutes"`
    },
    {
      file: "investigation/models/HolmesGptInvestigator.ts",
      search: `options.firstSign ?? defaultPatience.firstSignMs`,
      replace: `"2 minutes"`
    },
    {
      file: "resilience/breaker/Circuit.ts",
      search: `  if (event.generation !== state.generation) return [state, none]
`,
      replace: ``
    }
  ],
  foundBy: "legal-transitions",
  withinSeeds: 2,
  run: "late"
}
