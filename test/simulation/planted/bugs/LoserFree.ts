import type { PlantedBug } from "../PlantedBug.ts"

export const loserFree: PlantedBug = {
  name: "an interrupted call that costs nothing",
  breaks: "The model whose answer is not needed any more has worked, and the ledger says that it cost nothing.",
  edits: [
    {
      file: "investigation/spend/SpendMeter.ts",
      search: `return error === undefined ? "worked" : effortOf(error)`,
      replace: `return error === undefined ? "rejected" : effortOf(error)`
    }
  ],
  foundBy: "spend-true",
  withinSeeds: 1,
  run: "hedged"
}
