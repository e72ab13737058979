import type { PlantedBug } from "../PlantedBug.ts"

export const estimateKept: PlantedBug = {
  name: "the estimate instead of the tokens",
  breaks: "The ledger says measured and shows what was expected, so budgets are used up by calls that cost a tenth.",
  edits: [
    {
      file: "investigation/spend/Settlement.ts",
      search: `isPartial ? Math.max(found, expected) : found`,
      replace: `Math.max(found, expected)`
    }
  ],
  foundBy: "spend-true",
  withinSeeds: 1,
  run: "spending"
}
