import type { PlantedBug } from "../PlantedBug.ts"

export const suspendedForSeconds: PlantedBug = {
  name: "an account without money is asked every second",
  breaks: "Minutes are taken for seconds: a provider whose account is empty is called at nearly every alert, for ever.",
  edits: [
    {
      file: "resilience/breaker/Suspension.ts",
      search: `firstMs * 2 ** (times - 1)`,
      replace: `(firstMs / 60) * 2 ** (times - 1)`
    }
  ],
  foundBy: "suspensions-respected",
  withinSeeds: 2,
  run: "emptyAccounts"
}
