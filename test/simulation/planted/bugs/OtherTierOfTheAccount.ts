import type { PlantedBug } from "../PlantedBug.ts"

export const otherTierOfTheAccount: PlantedBug = {
  name: "the trial of an account is made by each tier",
  breaks: "Two providers with one key try it separately, so an account without money costs two calls each time.",
  edits: [
    {
      file: "investigation/chain/Walk.ts",
      search: `spread(tier, tiers, Exit.isSuccess(exit) && exit.value.isServed)`,
      replace: `Effect.void`
    }
  ],
  foundBy: "suspensions-respected",
  withinSeeds: 8,
  run: "emptyAccounts"
}
