import type { PlantedBug } from "../PlantedBug.ts"

export const identityNotChecked: PlantedBug = {
  name: "identity checked only at start",
  breaks: "Another cluster that is put behind the same address is written to.",
  edits: [
    {
      file: "kubernetes/ClusterIdentity.ts",
      search: `    Effect.flatMap(checkedNow(operation), (now) =>`,
      replace: `    Effect.flatMap(latest()._tag === "Confirmed" ? Effect.succeed(latest()) : checkedNow(operation), (now) =>`
    }
  ],
  foundBy: "own-cluster-only",
  withinSeeds: 2,
  run: "replaced"
}
