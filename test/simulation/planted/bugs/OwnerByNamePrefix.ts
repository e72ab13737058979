import type { PlantedBug } from "../PlantedBug.ts"

export const ownerByNamePrefix: PlantedBug = {
  name: "owner guessed by its name",
  breaks: "Pods of one Deployment are taken for those of another whose name begins alike: two incidents become one.",
  edits: [
    {
      file: "kubernetes/OwnerResolver.ts",
      search: `  const owner = controllerOf(object)
`,
      replace: `  const guessed = object.kind === "Pod" ? /^[a-z]+-\\d/.exec(object.metadata.name) : null
  if (guessed !== null) return { namespace, kind: "Deployment", name: guessed[0] }
  const owner = controllerOf(object)
`
    }
  ],
  foundBy: "right-target",
  withinSeeds: 2,
  run: "calmHour"
}
