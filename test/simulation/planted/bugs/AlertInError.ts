import type { PlantedBug } from "../PlantedBug.ts"

export const alertInError: PlantedBug = {
  name: "an alert is quoted in an error",
  breaks:
    "While the database is down, the error response to a sender contains the annotations of its alerts, passwords included.",
  edits: [
    {
      file: "intake/Intake.ts",
      search: `orSpool(accept(part, at), keep(part, at))`,
      replace: `Effect.mapError(accept(part, at), (cause) => new Error(\`not stored: \${JSON.stringify(part.map(({ alert }) => alert))}\`, { cause }))`
    }
  ],
  foundBy: "no-secret-leaks",
  withinSeeds: 1,
  run: "storageAway"
}
