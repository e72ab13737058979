import type { PlantedBug } from "../PlantedBug.ts"

export const identityByList: PlantedBug = {
  name: "identity read by a list",
  breaks:
    "The identity of the cluster is read with a right that the shipped role does not have, so nothing is written.",
  edits: [
    {
      file: "kubernetes/ClusterIdentity.ts",
      search: `  Effect.flatMap(client.get(kubeSystem), (object) => {`,
      replace: `  Effect.flatMap(client.list("Namespace", {}), (objects) => {
    const object = objects.find(({ metadata }) => metadata.name === kubeSystem.name)`
    }
  ],
  foundBy: "least-privilege",
  withinSeeds: 1,
  run: "calm"
}
