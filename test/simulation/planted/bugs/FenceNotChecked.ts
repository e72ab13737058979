import type { PlantedBug } from "../PlantedBug.ts"

/**
 * Two mistakes: a write that is conditional on the version it was planned for is refused where the other process has
 * written.
 */
export const fenceNotChecked: PlantedBug = {
  name: "fence not checked",
  breaks: "A process that was frozen while another took over its target writes to the cluster when it wakes up.",
  edits: [
    {
      file: "execution/CarryOut.ts",
      search: `  if (!(yield* holds)) return { _tag: "FenceLost" }
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
  run: "owners"
}
