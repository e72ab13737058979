import type { PlantedBug } from "../PlantedBug.ts"

export const ownerByNamePrefix: PlantedBug = {
  name: "owner guessed by its name",
  breaks: "Pods of one Deployment are taken for those of another whose name begins alike: two incidents become one.",
  edits: [
    {
      file: "kubernetes/OwnerResolver.ts",
      search: `export const ownerOf = (object: KubernetesObject): ResourceRef | undefined =>
  follow(`,
      replace: `const guessed = (object: KubernetesObject): ResourceRef | undefined => {
  const prefix = object.kind === "Pod" ? /^[a-z]+-\\d/.exec(object.metadata.name) : null
  return prefix === null
    ? undefined
    : { namespace: object.metadata.namespace ?? "", kind: "Deployment", name: prefix[0] }
}

export const ownerOf = (object: KubernetesObject): ResourceRef | undefined =>
  guessed(object) ?? follow(`
    }
  ],
  foundBy: "right-target",
  withinSeeds: 2,
  run: "calmHour"
}
