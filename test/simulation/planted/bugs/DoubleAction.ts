import type { PlantedBug } from "../PlantedBug.ts"

/**
 * Two mistakes, because each hides the other: a write without a condition is read back first, and one that is not read
 * back is refused by its condition.
 */
export const doubleAction: PlantedBug = {
  name: "double action",
  breaks: "A write is repeated after a crash: it is neither read back first nor conditional on the planned version.",
  edits: [
    {
      file: "execution/CarryOut.ts",
      search: `      if (event.presence === "present") return createdAs(whenPresent(progress, situation), change, event.uid)
`,
      replace: ``
    },
    {
      file: "execution/ObjectPatch.ts",
      search: `patch: [version, ...requested.forward, ...signed.forward]`,
      replace: `patch: [...requested.forward, ...signed.forward]`
    }
  ],
  foundBy: "no-action-twice",
  withinSeeds: 10,
  run: "crashesAtWrites"
}
