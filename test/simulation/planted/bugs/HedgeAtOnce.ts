import type { PlantedBug } from "../PlantedBug.ts"

export const hedgeAtOnce: PlantedBug = {
  name: "a hedge that does not wait",
  breaks: "The language model is asked beside a HolmesGPT that is well, and both are paid for at every alert.",
  edits: [
    {
      file: "investigation/chain/HedgedHop.ts",
      search: `return this.lastSignMs + afterMs - Monotonic`,
      replace: `return this.lastSignMs + 0 * afterMs - Monotonic`
    }
  ],
  foundBy: "hedges-bounded",
  withinSeeds: 1,
  run: "hedged"
}
