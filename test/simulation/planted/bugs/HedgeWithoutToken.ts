import type { PlantedBug } from "../PlantedBug.ts"

export const hedgeWithoutToken: PlantedBug = {
  name: "hedges without a budget",
  breaks: "When HolmesGPT becomes slow for everybody, every alert is sent to the language model as well.",
  edits: [
    {
      file: "investigation/chain/HedgedHop.ts",
      search: `this.tier.pipeline?.retryBudget?.withdraw ?? Effect.succeed(false)`,
      replace: `Effect.succeed(true)`
    }
  ],
  foundBy: "hedges-bounded",
  withinSeeds: 1,
  run: "slowStorm"
}
