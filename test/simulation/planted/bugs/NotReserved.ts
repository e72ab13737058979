import type { PlantedBug } from "../PlantedBug.ts"

export const notReserved: PlantedBug = {
  name: "a model call that is not reserved",
  breaks: "Calls at the same time share what is left of a budget, and a crash forgets what they cost.",
  edits: [
    {
      file: "investigation/spend/Reservations.ts",
      search: `Effect.map(reserveIn(call, refuse), (refusal) => {`,
      replace: `Effect.map(Effect.void, (): UsedUp | undefined => {
        const refusal = undefined`
    }
  ],
  foundBy: "spend-true",
  withinSeeds: 1,
  run: "spending"
}
