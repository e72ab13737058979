import type { PlantedBug } from "../PlantedBug.ts"

export const poolsForgotten: PlantedBug = {
  name: "no budget of a pool",
  breaks: "All nodes of a pool are acted on at once.",
  edits: [
    {
      file: "decision/BlastRadius.ts",
      search: `    ...pools.map((pool) => ["pool", pool] as const),
`,
      replace: ""
    }
  ],
  foundBy: "blast-radius-kept",
  withinSeeds: 2,
  run: "nodeAlerts"
}
