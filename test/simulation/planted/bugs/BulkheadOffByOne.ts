import type { PlantedBug } from "../PlantedBug.ts"

export const bulkheadOffByOne: PlantedBug = {
  name: "bulkhead off by one",
  breaks: "One call more than allowed is in flight.",
  edits: [
    {
      file: "resilience/pipeline/Bulkhead.ts",
      search: `    if (this.#inUse >= this.limit) return false`,
      replace: `    if (this.#inUse > this.limit) return false`
    }
  ],
  foundBy: "bulkhead-respected",
  withinSeeds: 3,
  run: "storm"
}
