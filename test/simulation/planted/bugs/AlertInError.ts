import type { PlantedBug } from "../PlantedBug.ts"

export const alertInError: PlantedBug = {
  name: "an alert is quoted in an error",
  breaks:
    "Whoever sends alerts while the database is away reads in the answer what stands in their annotations, passwords among it.",
  edits: [
    {
      file: "intake/Intake.ts",
      search: `yield* accept(part, at, results, joined)`,
      replace: `yield* Effect.mapError(accept(part, at, results, joined), (cause) => new Error(\`not stored: \${JSON.stringify(part.map(({ alert }) => alert))}\`, { cause }))`
    }
  ],
  foundBy: "no-secret-leaks",
  withinSeeds: 1,
  run: "storageAway"
}
